package com.example.shop;

import com.example.shop.queue.Arrivals;
import com.example.shop.queue.Content;
import com.example.shop.queue.PacedSource;
import com.example.shop.work.Work;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The one job all scenarios are made of: source, parse, enrich, sink. Arguments, all optional, say
 * what each operator does (see {@link Work#parse}), how it is reached, and what the queue is like.
 */
public final class ShopJob {
    private final Map<String, String> arguments = new HashMap<>();

    private ShopJob(String[] args) {
        for (int i = 0; i + 1 < args.length; i += 2) {
            arguments.put(args[i], args[i + 1]);
        }
    }

    public static void main(String[] args) throws Exception {
        new ShopJob(args).run();
    }

    private void run() throws Exception {
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        String[] names = text("--names", "orders,parse,enrich,ledger").split(",");
        WatermarkStrategy<Order> watermarks =
                WatermarkStrategy.forBoundedOutOfOrderness(Duration.ofSeconds(1));
        DataStream<Order> orders =
                flink.fromSource(source(), watermarks, names[0], Types.POJO(Order.class))
                        .uid(names[0]);
        DataStream<Order> parsed =
                orders.map(new Steps.Plain(work("--parse"))).name(names[1]).uid(names[1]);
        DataStream<Order> passed = steps(parsed);
        DataStream<Order> enriched = enrich(passed).name(names[2]).uid(names[2]);
        if (text("--to-sink", "rebalance").equals("rebalance")) {
            enriched = enriched.rebalance();
        }
        enriched.sinkTo(WorkSink.of(work("--sink"))).name(names[3]).uid(names[3]);
        if (!arguments.isEmpty()) {
            throw new IllegalArgumentException("unknown arguments: " + arguments.keySet());
        }
        flink.execute();
    }

    /** So many more vertices that only pass on what they get, for jobs as long as real ones. */
    private DataStream<Order> steps(DataStream<Order> orders) {
        long count = number("--steps", 0);
        for (int i = 1; i <= count; i++) {
            Steps.Plain step = new Steps.Plain(Work.parse("none"));
            orders = orders.rebalance().map(step).name("step-" + i).uid("step-" + i);
        }
        return orders;
    }

    private SingleOutputStreamOperator<Order> enrich(DataStream<Order> parsed) {
        Work work = work("--enrich");
        switch (text("--to-enrich", "hash")) {
            case "hash":
                return parsed.keyBy(order -> order.customer, Types.STRING)
                        .process(new Steps.Keyed(work));
            case "rebalance":
                return parsed.rebalance().map(new Steps.Plain(work));
            default:
                return parsed.map(new Steps.Plain(work));
        }
    }

    private PacedSource source() {
        int partitions = (int) number("--partitions", 4);
        double perSecond = (double) number("--rate", 400) / partitions;
        long periodMs = number("--period-ms", 1000);
        long limit = number("--limit", 0);
        Arrivals arrivals =
                new Arrivals(
                        perSecond,
                        number("--backlog", 0) / partitions,
                        periodMs,
                        number("--burst-ms", periodMs),
                        limit == 0 ? Long.MAX_VALUE : limit / partitions);
        Content content =
                new Content(number("--hot-percent", 0) / 100.0, (int) number("--payload", 500));
        return new PacedSource(partitions, arrivals, content, number("--sleeping", 0) == 1);
    }

    private Work work(String flag) {
        return Work.parse(text(flag, "none"));
    }

    private String text(String flag, String otherwise) {
        String value = arguments.remove(flag);
        return value == null ? otherwise : value;
    }

    private long number(String flag, long otherwise) {
        return Long.parseLong(text(flag, Long.toString(otherwise)));
    }
}
