package com.acme.core;

import com.acme.api.Greeting;

public final class Greeter {
    private Greeter() {}

    public static String greet(String name) {
        return Greeting.text() + ", " + name;
    }
}
