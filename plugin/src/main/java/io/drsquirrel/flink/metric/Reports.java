package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Publisher;
import io.drsquirrel.flink.send.Reason;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.session.Stream;
import io.drsquirrel.flink.wire.Place;
import io.drsquirrel.flink.wire.Table;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes one message per run present and one about the process itself; used by one thread. */
final class Reports {
    private final Session session;
    private final Registry registry;
    private final ProcessFigures process;
    private final Map<Subject, Stream> streams = new HashMap<>();

    Reports(Session session, Registry registry, ProcessFigures process) {
        this.session = session;
        this.registry = registry;
        this.process = process;
    }

    void send() {
        Map<Subject, List<Layout>> layouts = registry.layouts();
        Subject self = Subject.ofProcess(session.identity().container);
        layouts.putIfAbsent(self, List.of());
        // A run that comes back is counted anew, in another epoch.
        streams.keySet().retainAll(layouts.keySet());
        layouts.forEach(
                (subject, of) -> send(subject, of, subject.equals(self) ? own() : List.of()));
    }

    private void send(Subject subject, List<Layout> layouts, List<Table> more) {
        List<Table> tables = new ArrayList<>(more);
        int numbers = 0;
        for (Layout layout : layouts) {
            if (numbers + layout.size() > Registry.NUMBERS && !tables.isEmpty()) {
                send(subject, tables);
                tables = new ArrayList<>();
                numbers = 0;
            }
            tables.add(layout.now());
            numbers += layout.size();
        }
        send(subject, tables);
    }

    private void send(Subject subject, List<Table> tables) {
        Stream stream = streams.computeIfAbsent(subject, s -> session.stream(s.container));
        byte[] message =
                stream.message("metrics", session.nowMs())
                        .with(tables)
                        .with("job", subject.job)
                        .with("job_name", subject.jobName)
                        .bytes();
        Topic topic = subject.job.isEmpty() ? Topic.CONTAINERS : Topic.METRICS;
        session.publisher().offer(topic, stream.key(), message, Kind.METRICS);
    }

    /** What we know of the process, and how the publisher fares: what it lost, by reason. */
    private List<Table> own() {
        Publisher publisher = session.publisher();
        Map<String, Number> figures = process.now();
        figures.put("publisher_sent_total", publisher.sent());
        figures.put("publisher_dropped_total", publisher.dropped());
        figures.put("publisher_queued", publisher.queued());
        for (Reason reason : Reason.values()) {
            if (publisher.dropped(reason) > 0) {
                figures.put(
                        "publisher_dropped_" + reason.word + "_total", publisher.dropped(reason));
            }
        }
        return List.of(
                new Table(
                        List.copyOf(figures.keySet()),
                        List.of(Place.WHOLE),
                        figures.values().toArray(new Number[0])));
    }
}
