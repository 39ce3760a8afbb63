package io.drsquirrel.flink.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;

class ThrowableTextTest {
    @Test
    void it_reads_as_java_prints_it() {
        Throwable thrown = new IllegalStateException("outer", new IOException("inner"));
        StringWriter printed = new StringWriter();
        thrown.printStackTrace(new PrintWriter(printed));
        assertEquals(printed.toString(), ThrowableText.of(thrown, 100_000));
    }

    @Test
    void first_and_deepest_cause_are_kept_whatever_lies_between() {
        Throwable thrown = new IOException("the deepest");
        for (int i = 0; i < 15; i++) {
            thrown = new IllegalStateException("wrap " + i + " " + "x".repeat(1_000), thrown);
        }
        String text = ThrowableText.of(new RuntimeException("the first", thrown), 8_000);
        assertTrue(text.length() <= 8_000, "" + text.length());
        assertTrue(text.startsWith("java.lang.RuntimeException: the first"), text);
        assertTrue(text.contains("Caused by: java.io.IOException: the deepest\n\tat "), text);
    }

    @Test
    void a_recursion_keeps_its_first_and_last_frames() {
        String text = ThrowableText.of(overflow(), 100_000);
        assertTrue(text.contains("frames cut"), text);
        assertTrue(text.length() < 20_000);
    }

    @Test
    void throwables_that_fail_go_in_circles_or_hold_secrets_do_no_harm() {
        Throwable circle = new IOException("password=hunter2");
        circle.initCause(new IllegalStateException("back", circle));
        String text = ThrowableText.of(circle, 100_000);
        assertFalse(text.contains("hunter2"), text);
        Throwable failing =
                new RuntimeException() {
                    private static final long serialVersionUID = 1;

                    @Override
                    public String getMessage() {
                        throw new UnsupportedOperationException();
                    }

                    @Override
                    public StackTraceElement[] getStackTrace() {
                        throw new UnsupportedOperationException();
                    }
                };
        assertTrue(ThrowableText.of(failing, 1_000).contains("ThrowableTextTest$1"));
    }

    private static Throwable overflow() {
        try {
            return deeper(1);
        } catch (StackOverflowError e) {
            return e;
        }
    }

    private static Throwable deeper(int depth) {
        return deeper(depth + 1);
    }
}
