package io.drsquirrel.flink.wire;

import java.util.List;
import java.util.Map;

/**
 * One message as Dr. Squirrel reads it (drsquirrel/model/event.py): fields that have their default
 * are left out.
 */
public final class Message {
    private final Json json = new Json();

    public Message(String type, Origin origin, long sequence, long timeMs) {
        json.open('{').key("type").string(type);
        origin.write(json, sequence);
        json.key("time_ms").number(timeMs);
    }

    /** A text that is always there. */
    public Message have(String key, String value) {
        json.key(key).string(value);
        return this;
    }

    /** A number that is always there. */
    public Message have(String key, long value) {
        json.key(key).number(value);
        return this;
    }

    /** A text; none if it is empty. */
    public Message with(String key, String value) {
        if (value != null && !value.isEmpty()) {
            json.key(key).string(value);
        }
        return this;
    }

    public Message with(String key, boolean value) {
        json.key(key).bool(value);
        return this;
    }

    /** A number; none if it is the one that stands for "unknown" or for the usual. */
    public Message with(String key, long value, long usual) {
        if (value != usual) {
            json.key(key).number(value);
        }
        return this;
    }

    public Message with(String key, Map<String, String> texts) {
        json.key(key).open('{');
        texts.forEach((name, text) -> json.key(name).string(text));
        json.close('}');
        return this;
    }

    public Message with(List<Table> tables) {
        json.key("tables").open('[');
        tables.forEach(table -> table.write(json));
        json.close(']');
        return this;
    }

    public byte[] bytes() {
        return json.close('}').bytes();
    }
}
