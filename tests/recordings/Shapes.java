package com.example.shapes;

import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/** Plans of odd shapes: branching chains, names that look like plans, SQL, batch. */
public final class Shapes {
    private Shapes() {}

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "branches":
                branches();
                break;
            case "sql":
                sql();
                break;
            default:
                batch();
        }
    }

    private static Long slowly(Long value) throws InterruptedException {
        Thread.sleep(100);
        return value;
    }

    private static void branches() throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        DataStream<Long> numbers =
                env.fromSequence(1, Long.MAX_VALUE).name("numbers")
                        .map(Shapes::slowly).returns(Types.LONG).name("slow down");
        DataStream<Long> checked =
                numbers.map(v -> v).returns(Types.LONG).name("check <b> & (a, b)");
        checked.map(v -> v).returns(Types.LONG).name("left -> right").print().name("print \"it\"");
        checked.map(v -> v).returns(Types.LONG).name("other").print().name("print2");
        DataStream<Long> negated = numbers.map(v -> -v).returns(Types.LONG).name("negate");
        checked.rebalance().union(negated.rescale())
                .map(v -> v).returns(Types.LONG).name("both")
                .print().name("print both").setParallelism(1);
        env.execute("branches");
    }

    private static void sql() throws Exception {
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        env.executeSql("CREATE TABLE orders (id BIGINT, customer STRING, amount DOUBLE) WITH ("
                + "'connector' = 'datagen', 'rows-per-second' = '5')");
        for (String sink : new String[] {"large_orders", "per_customer"}) {
            env.executeSql("CREATE TABLE " + sink
                    + " (customer STRING, amount DOUBLE) WITH ('connector' = 'blackhole')");
        }
        StatementSet set = env.createStatementSet();
        set.addInsertSql("INSERT INTO large_orders SELECT customer, amount FROM orders"
                + " WHERE amount > 3 AND customer <> 'x -> y, (z'");
        set.addInsertSql("INSERT INTO per_customer SELECT customer, SUM(amount) FROM orders"
                + " GROUP BY customer");
        set.execute();
    }

    private static void batch() throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        env.fromSequence(1, 600).name("numbers")
                .map(Shapes::slowly).returns(Types.LONG).name("slow down")
                .keyBy(v -> v % 3).reduce(Long::sum).name("sum").print().name("print it");
        env.execute("batch");
    }
}
