package com.example.shop.work;

import com.example.shop.Order;
import java.io.IOException;
import java.io.Serializable;

/** What an operator does with each order, besides passing it on: the place where jobs get sick. */
public interface Work extends Serializable {

    void on(Order order) throws Exception;

    default void close() throws IOException {}

    /** Reads "name:number:number…", as the scenarios write it, e.g. "pause:3300" (microseconds). */
    static Work parse(String text) {
        String[] parts = text.split(":");
        long[] numbers = new long[parts.length - 1];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Long.parseLong(parts[i + 1]);
        }
        switch (parts[0]) {
            case "none":
                return order -> {};
            case "pause":
                return new RemoteCall(numbers[0]);
            case "items":
                return new ItemCheck(numbers[0], numbers[1]);
            case "machine":
                return new LocalDisk(numbers[0], numbers[1]);
            case "spin":
                return new FraudScore(numbers[0]);
            case "lock":
                return new SharedRates(numbers[0]);
            case "socket":
                return new PriceClient(numbers[0]);
            case "garbage":
                return new BasketCache(numbers[0], numbers[1]);
            case "leak":
                return new SessionLog(numbers[0]);
            case "reject":
                return new Validation(numbers[0], Validation.REJECT);
            case "npe":
                return new Validation(numbers[0], Validation.NULL);
            case "malformed":
                return new Validation(numbers[0], Validation.MALFORMED);
            default:
                throw new IllegalArgumentException("no such work: " + text);
        }
    }
}
