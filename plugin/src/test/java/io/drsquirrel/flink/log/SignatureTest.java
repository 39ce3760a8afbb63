package io.drsquirrel.flink.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.Random;

class SignatureTest {
    private static final Line SAMPLE = new Line(1, "WARN", "a.B", "first", "", "t", "", "");

    private final Signature signature = new Signature(1_000, 2, 0);

    @Test
    void the_same_text_is_told_once_and_then_by_its_count() {
        assertEquals(Signature.Fate.SENT, take("x", 0));
        for (int i = 0; i < 99; i++) {
            assertEquals(Signature.Fate.HELD, take("x", 10 + i));
        }
        assertNull(signature.due(999, false));
        Signature.Due due = signature.due(1_000, false);
        assertEquals(99, due.count);
        assertEquals(0, due.dropped);
        assertEquals("first", due.line.message);
        assertEquals(108, due.line.timeMs);
        assertNull(signature.due(5_000, true), "told twice");
    }

    @Test
    void of_other_texts_the_first_are_sent_and_the_rest_is_told_as_dropped() {
        assertEquals(Signature.Fate.SENT, take("1", 0));
        assertEquals(Signature.Fate.SENT, take("2", 0));
        assertEquals(Signature.Fate.HELD, take("3", 0));
        assertEquals(Signature.Fate.HELD, take("4 password=hunter2", 0));
        Signature.Due due = signature.due(1_000, false);
        assertEquals(1, due.count);
        assertEquals(1, due.dropped);
        assertEquals("4 password=•••• (redacted: pair)", due.line.message);
        assertEquals(Signature.Fate.SENT, take("5", 1_000));
    }

    @Test
    void no_line_is_lost_and_none_counted_twice() {
        Random random = new Random(4);
        long told = 0;
        long nowMs = 0;
        for (int i = 0; i < 10_000; i++) {
            nowMs += random.nextInt(100);
            Signature.Due due = signature.due(nowMs, false);
            told += due == null ? 0 : due.lines();
            told += take("" + random.nextInt(3), nowMs) == Signature.Fate.SENT ? 1 : 0;
        }
        Signature.Due due = signature.due(nowMs, true);
        assertEquals(10_000, told + (due == null ? 0 : due.lines()));
    }

    @Test
    void lines_are_alike_but_for_their_numbers() {
        assertEquals(key("took 12 ms", null), key("took 3456 ms", null));
        assertNotEquals(key("took 12 ms", null), key("took 12 s", null));
        Throwable here = new IOException("1");
        Throwable there = new IOException("2");
        assertNotEquals(key("failed", here).at(here), key("failed", there).at(there));
        assertNotEquals(key("failed", here), key("failed", null));
        assertEquals(key("failed", here).at(here), key("failed", here).at(here));
    }

    @Test
    void of_many_lines_in_a_window_it_is_not_asked_where_each_was_thrown() {
        for (int i = 0; i < Signature.LOOKS; i++) {
            assertEquals(Signature.Fate.LOOK, signature.take("" + i, 0, true));
        }
        assertEquals(Signature.Fate.SENT, signature.take("more", 0, true));
        assertEquals(Signature.Fate.HELD, signature.take("more", 0, true));
        assertEquals(Signature.Fate.LOOK, signature.take("next window", 1_000, true));
    }

    @Test
    void there_are_at_most_a_thousand_and_lower_levels_get_fewer() {
        Collapse collapse = new Collapse(1_000, 2);
        for (int i = 0; i < 100_000; i++) {
            String name = Integer.toString(i, 36).replaceAll("\\d", "_") + "x".repeat(i % 20);
            collapse.of(new Signature.Key("INFO", name, "", null), 0);
            collapse.of(new Signature.Key("WARN", name, "", null), 0);
        }
        int lower = collapse.size();
        assertTrue(lower <= Collapse.SIGNATURES * 3 / 4 + 2, "" + lower);
        Signature mine = collapse.of(new Signature.Key("ERROR", "a.B", "it failed", null), 0);
        assertEquals(mine, collapse.of(new Signature.Key("ERROR", "a.B", "it failed", null), 0));
        assertNotEquals(mine, collapse.of(new Signature.Key("ERROR", "a.C", "it failed", null), 0));
        collapse.due(2_000, false);
        assertEquals(0, collapse.size(), "what has nothing to tell is forgotten");
        assertEquals(Signature.Fate.RETIRED, mine.take("x", 2_000, false));
    }

    private Signature.Fate take(String text, long nowMs) {
        Signature.Fate fate = signature.take(text, nowMs, false);
        if (fate == Signature.Fate.SENT) {
            signature.sent(SAMPLE);
        }
        return fate;
    }

    private static Signature.Key key(String template, Throwable thrown) {
        return new Signature.Key("WARN", "a.B", new Templates().of(template), thrown);
    }
}
