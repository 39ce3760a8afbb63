package com.example.shop;

/** One record; a POJO, so that Flink serializes it field by field. */
public class Order {
    public int partition;
    public long offset;
    public String customer;
    public long time;
    public byte[] payload;
}
