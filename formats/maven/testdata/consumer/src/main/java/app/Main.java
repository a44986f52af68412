package app;

import com.acme.core.Greeter;

public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.out.println(Greeter.greet("world"));
    }
}
