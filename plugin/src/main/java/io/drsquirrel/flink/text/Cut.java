package io.drsquirrel.flink.text;

/** Shortens texts from the middle. */
public final class Cut {
    private static final String GAP = "\n\t... cut ...\n";

    private Cut() {}

    /** The text in at most `longest` characters: its head and its tail, where causes stand. */
    public static String cut(String text, int longest) {
        if (text.length() <= longest) {
            return text;
        }
        int tail = longest / 3;
        int head = Math.max(0, longest - tail - GAP.length());
        return text.substring(0, head) + GAP + text.substring(text.length() - tail);
    }
}
