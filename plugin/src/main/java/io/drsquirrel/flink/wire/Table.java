package io.drsquirrel.flink.wire;

import java.util.List;

/** What several places tell under the same names: one number per place and name, place by place. */
public final class Table {
    private final List<String> names;
    private final List<Place> places;
    private final Number[] numbers;

    public Table(List<String> names, List<Place> places, Number[] numbers) {
        if (numbers.length != names.size() * places.size()) {
            throw new IllegalArgumentException("not one number for every place and name");
        }
        this.names = names;
        this.places = places;
        this.numbers = numbers;
    }

    void write(Json json) {
        json.open('{').key("names").open('[');
        names.forEach(json::string);
        json.close(']').key("places").open('[');
        places.forEach(place -> place.write(json));
        json.close(']').key("numbers").open('[');
        for (Number number : numbers) {
            json.number(number);
        }
        json.close(']').close('}');
    }
}
