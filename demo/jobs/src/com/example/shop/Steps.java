package com.example.shop;

import com.example.shop.work.Work;
import java.io.IOException;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The two kinds of operators in the middle of a job: without and with a key. */
final class Steps {

    private Steps() {}

    /** Does its work with each order and passes it on. */
    static final class Plain extends RichMapFunction<Order, Order> {
        private static final long serialVersionUID = 1L;

        private final Work work;

        Plain(Work work) {
            this.work = work;
        }

        @Override
        public Order map(Order order) throws Exception {
            work.on(order);
            return order;
        }

        @Override
        public void close() throws IOException {
            work.close();
        }
    }

    /** Also counts the orders of each customer, in keyed state. */
    static final class Keyed extends KeyedProcessFunction<String, Order, Order> {
        private static final long serialVersionUID = 1L;

        private final Work work;
        private transient ValueState<Long> count;

        Keyed(Work work) {
            this.work = work;
        }

        @Override
        public void processElement(Order order, Context context, Collector<Order> out)
                throws Exception {
            if (count == null) { // open() has another signature in Flink 1.18 than in 2
                count =
                        getRuntimeContext()
                                .getState(new ValueStateDescriptor<>("orders", Long.class));
            }
            work.on(order);
            Long before = count.value();
            count.update(before == null ? 1 : before + 1);
            out.collect(order);
        }

        @Override
        public void close() throws IOException {
            work.close();
        }
    }
}
