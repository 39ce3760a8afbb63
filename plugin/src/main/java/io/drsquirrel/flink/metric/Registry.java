package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.wire.Place;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The metrics that are sent, by subject and place. Its lock is never held while they are read. */
final class Registry {
    /** Of one message: about 400 kB. */
    static final int NUMBERS = 20_000;

    private final Map<Subject, Map<Place, TreeMap<String, Reading>>> subjects = new HashMap<>();
    private final Map<Subject, List<Layout>> layouts = new HashMap<>();

    synchronized void add(Subject subject, Place place, String name, Reading reading) {
        subjects.computeIfAbsent(subject, s -> new LinkedHashMap<>())
                .computeIfAbsent(place, p -> new TreeMap<>())
                .put(name, reading);
        layouts.remove(subject);
    }

    /** Whether with this one the place (or subject) has lost its last metric of Flink's. */
    synchronized Left remove(Spot spot, Object metric) {
        Map<Place, TreeMap<String, Reading>> places = subjects.get(spot.subject);
        TreeMap<String, Reading> there = places == null ? null : places.get(spot.place);
        Reading reading = there == null ? null : there.get(spot.name);
        if (reading == null || !reading.isOf(metric)) {
            return Left.MORE;
        }
        there.remove(spot.name);
        layouts.remove(spot.subject);
        if (!there.keySet().stream().allMatch(TaskThreads.CPU_TIME::equals)) {
            return Left.MORE;
        }
        places.remove(spot.place);
        if (!places.isEmpty()) {
            return Left.OTHER_PLACES;
        }
        subjects.remove(spot.subject);
        return Left.NOTHING;
    }

    /** What a subject has left after a metric of it was removed. */
    enum Left {
        MORE,
        OTHER_PLACES,
        NOTHING
    }

    /** The layouts of every subject, made anew only where something came or went. */
    synchronized Map<Subject, List<Layout>> layouts() {
        subjects.forEach(
                (subject, places) ->
                        layouts.computeIfAbsent(subject, s -> Layout.of(places, NUMBERS)));
        return new HashMap<>(layouts);
    }
}
