package com.example.shop.work;

/** An order the shop's own rules do not allow. */
public class InvalidOrderException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidOrderException(String message) {
        super(message);
    }
}
