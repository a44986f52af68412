/** A is what the tool has. */
public class A {
	/** It does nothing. */
	public A() {}
}
