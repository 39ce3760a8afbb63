package io.drsquirrel.flink.wire;

/** Who says it: this process of this cluster; its sequence counts from 0 in each epoch. */
public final class Origin {
    static final int SCHEMA = 1;

    private final String cluster;
    private final String container;
    private final String epoch;
    private final String flinkVersion;

    public Origin(String cluster, String container, String epoch, String flinkVersion) {
        this.cluster = cluster;
        this.container = container;
        this.epoch = epoch;
        this.flinkVersion = flinkVersion;
    }

    public String container() {
        return container;
    }

    void write(Json json, long sequence) {
        json.key("origin").open('{');
        json.key("cluster").string(cluster);
        json.key("producer").string("plugin");
        json.key("epoch").string(epoch);
        json.key("sequence").number(sequence);
        json.key("container").string(container);
        json.key("flink_version").string(flinkVersion);
        json.key("schema").number(SCHEMA).close('}');
    }
}
