package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.wire.Place;
import io.drsquirrel.flink.wire.Table;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The places of a subject that have metrics of the same names, for one table. */
final class Layout {
    private final List<String> names;
    private final List<Place> places = new ArrayList<>();
    private final List<Reading> readings = new ArrayList<>();

    private Layout(List<String> names) {
        this.names = names;
    }

    /** The layouts of these places, each with at most so many numbers (but one place at least). */
    static List<Layout> of(Map<Place, ? extends Map<String, Reading>> places, int mostNumbers) {
        Map<List<String>, Layout> open = new LinkedHashMap<>();
        List<Layout> full = new ArrayList<>();
        places.forEach(
                (place, byName) -> {
                    List<String> names = List.copyOf(byName.keySet());
                    Layout layout = open.computeIfAbsent(names, Layout::new);
                    layout.places.add(place);
                    layout.readings.addAll(byName.values());
                    if (layout.size() + names.size() > mostNumbers) {
                        full.add(open.remove(names));
                    }
                });
        full.addAll(open.values());
        return full;
    }

    int size() {
        return readings.size();
    }

    Table now() {
        Number[] numbers = new Number[readings.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = readings.get(i).now();
        }
        return new Table(names, places, numbers);
    }
}
