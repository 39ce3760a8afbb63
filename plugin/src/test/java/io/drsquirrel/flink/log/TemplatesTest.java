package io.drsquirrel.flink.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;

class TemplatesTest {
    private final Templates templates = new Templates();

    @Test
    void numbers_are_taken_out_and_long_texts_are_cut() {
        assertEquals("", templates.of(""));
        assertEquals("took # ms of #", templates.of("took 12 ms of 3456"));
        assertEquals("#x#", templates.of("1x2"));
        assertEquals(Templates.LONGEST, templates.of("a".repeat(10_000)).length());
    }

    @Test
    void a_constant_is_looked_at_once() {
        String text = "of a program 1";
        assertSame(templates.of(text), templates.of(text));
    }

    @Test
    void texts_that_share_a_place_do_not_share_their_answer() {
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 10_000; i++) {
                String text = "at " + Integer.toString(i, 36).replaceAll("\\d", "_");
                assertEquals(text, templates.of(text));
            }
        }
    }
}
