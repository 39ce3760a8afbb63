package io.drsquirrel.flink.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;

class JsonTest {
    @Test
    void what_is_no_number_becomes_null() {
        Json json = new Json().open('[');
        json.number(Double.NaN).number(Double.POSITIVE_INFINITY).number(Float.NaN);
        json.number((Number) null).number(1.5f).number(Long.MIN_VALUE).close(']');
        assertEquals("[null,null,null,null,1.5,-9223372036854775808]", json.toString());
    }

    @Test
    void control_characters_and_quotes_are_escaped() {
        assertEquals("\"\\u0000\\u000a\\u001b\\u007f\\\"\\\\\"", written("\0\n\u001b\u007f\"\\"));
    }

    @Test
    void half_of_a_surrogate_pair_is_replaced_and_a_whole_one_kept() {
        assertEquals("\"\ufffdx\ufffd\"", written("\ud83dx\udc3f"));
        assertEquals("\"\ud83d\udc3f\"", written("\ud83d\udc3f"));
        assertEquals("\"\ufffd\ud83d\udc3f\"", written("\udc3f\ud83d\udc3f"));
    }

    @Test
    void the_bytes_are_utf8() {
        byte[] bytes = new Json().string("Größe \ud83d\udc3f").bytes();
        assertEquals("\"Größe \ud83d\udc3f\"", new String(bytes, StandardCharsets.UTF_8));
    }

    @Test
    void commas_stand_between_and_only_between() {
        Json json = new Json().open('{').key("a").open('[').close(']').key("b").open('{');
        json.key("c").bool(true).key("d").number(1L).close('}').close('}');
        assertEquals("{\"a\":[],\"b\":{\"c\":true,\"d\":1}}", json.toString());
    }

    private static String written(String text) {
        return new Json().string(text).toString();
    }
}
