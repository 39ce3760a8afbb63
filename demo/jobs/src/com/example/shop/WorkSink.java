package com.example.shop;

import com.example.shop.work.Work;
import java.io.IOException;
import java.io.Serializable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;

/**
 * A sink whose writer does its work with each order. A proxy, because createWriter takes one type
 * in Flink 1.18 and another in Flink 2, and neither exists in the other: so one jar serves all.
 */
final class WorkSink implements InvocationHandler, Serializable {
    private static final long serialVersionUID = 1L;

    private final Work work;

    private WorkSink(Work work) {
        this.work = work;
    }

    @SuppressWarnings("unchecked")
    static Sink<Order> of(Work work) {
        return (Sink<Order>)
                Proxy.newProxyInstance(
                        WorkSink.class.getClassLoader(),
                        new Class<?>[] {Sink.class},
                        new WorkSink(work));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Exception {
        switch (method.getName()) {
            case "createWriter":
                Method metrics = method.getParameterTypes()[0].getMethod("metricGroup");
                return new Writer(work, (SinkWriterMetricGroup) metrics.invoke(arguments[0]));
            case "equals":
                return proxy == arguments[0];
            case "hashCode":
                return System.identityHashCode(proxy);
            default:
                return "WorkSink";
        }
    }

    /** Counts what it has sent, as connectors do. */
    private static final class Writer implements SinkWriter<Order> {
        private final Work work;
        private final Counter sent;

        Writer(Work work, SinkWriterMetricGroup metrics) {
            this.work = work;
            this.sent = metrics.getNumRecordsSendCounter();
        }

        @Override
        public void write(Order order, Context context) throws IOException, InterruptedException {
            try {
                work.on(order);
            } catch (IOException | InterruptedException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IOException(e);
            }
            sent.inc();
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() throws IOException {
            work.close();
        }
    }
}
