package com.example.shop.work;

import com.example.shop.Order;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** Asks a real server over TCP for each order and waits for its slow answer. */
final class PriceClient implements Work {
    private static final long serialVersionUID = 1L;

    private final long micros;
    private transient Server server;
    private transient Socket socket;
    private transient DataOutputStream out;
    private transient DataInputStream in;

    PriceClient(long micros) {
        this.micros = micros;
    }

    @Override
    public void on(Order order) throws IOException {
        if (socket == null) {
            server = new Server(micros);
            socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
            socket.setTcpNoDelay(true);
            out = new DataOutputStream(socket.getOutputStream());
            in = new DataInputStream(socket.getInputStream());
        }
        out.writeLong(order.offset);
        if (in.readLong() != order.offset) {
            throw new IOException("the price server answered something else");
        }
    }

    @Override
    public void close() throws IOException {
        if (socket != null) {
            socket.close();
            server.close();
        }
    }

    /** Serves one connection: each long comes back after the set time. */
    private static final class Server extends Thread {
        private final long micros;
        private final ServerSocket listener;
        private final Pause pause = new Pause();

        Server(long micros) throws IOException {
            super("price-server");
            this.micros = micros;
            this.listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
            setDaemon(true);
            start();
        }

        int port() {
            return listener.getLocalPort();
        }

        void close() throws IOException {
            listener.close();
        }

        @Override
        public void run() {
            try (Socket connection = listener.accept()) {
                connection.setTcpNoDelay(true);
                InputStream in = connection.getInputStream();
                OutputStream out = connection.getOutputStream();
                byte[] request = new byte[Long.BYTES];
                while (in.readNBytes(request, 0, request.length) == request.length) {
                    pause.micros(micros);
                    out.write(request);
                }
            } catch (IOException | InterruptedException e) {
                // The client is gone, and this server was there for it alone.
            }
        }
    }
}
