package io.drsquirrel.flink.wire;

import java.nio.charset.StandardCharsets;

/** Writes one JSON text from front to back; whoever opens an object or array closes it. */
public final class Json {
    private static final char[] HEX = "0123456789abcdef".toCharArray();

    private final StringBuilder out = new StringBuilder(512);
    private boolean follows;

    public Json open(char bracket) {
        separate();
        out.append(bracket);
        follows = false;
        return this;
    }

    public Json close(char bracket) {
        out.append(bracket);
        follows = true;
        return this;
    }

    public Json key(String key) {
        string(key);
        out.append(':');
        follows = false;
        return this;
    }

    public Json string(String value) {
        separate();
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            character(value, i);
        }
        out.append('"');
        return this;
    }

    public Json number(long value) {
        separate();
        out.append(value);
        return this;
    }

    public Json bool(boolean value) {
        separate();
        out.append(value);
        return this;
    }

    /** A number of any kind; null where there is none, NaN and the infinities included. */
    public Json number(Number value) {
        if (value == null) {
            return none();
        }
        if (value instanceof Double || value instanceof Float) {
            double real = value.doubleValue();
            if (Double.isNaN(real) || Double.isInfinite(real)) {
                return none();
            }
            separate();
            out.append(real);
            return this;
        }
        return number(value.longValue());
    }

    private Json none() {
        separate();
        out.append("null");
        return this;
    }

    public int length() {
        return out.length();
    }

    public byte[] bytes() {
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return out.toString();
    }

    private void separate() {
        if (follows) {
            out.append(',');
        }
        follows = true;
    }

    private void character(String text, int at) {
        char c = text.charAt(at);
        if (c == '"' || c == '\\') {
            out.append('\\').append(c);
        } else if (c < ' ' || c == 0x7f) {
            out.append("\\u00").append(HEX[c >> 4]).append(HEX[c & 15]);
        } else if (Character.isSurrogate(c) && !isHalfOfPair(text, at)) {
            out.append('\ufffd');
        } else {
            out.append(c);
        }
    }

    private static boolean isHalfOfPair(String text, int at) {
        if (Character.isHighSurrogate(text.charAt(at))) {
            return at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1));
        }
        return at > 0 && Character.isHighSurrogate(text.charAt(at - 1));
    }
}
