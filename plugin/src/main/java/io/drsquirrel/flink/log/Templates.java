package io.drsquirrel.flink.log;

/**
 * What of a line is the same each time it is logged: its text without numbers. Most texts are
 * constants of a program and come again as the same object; of those the answer is kept.
 */
final class Templates {
    static final int LONGEST = 300;

    private static final int KEPT = 256;

    private final Known[] known = new Known[KEPT];

    /** The text without numbers; of a long one the beginning. */
    String of(String text) {
        int length = text.length();
        if (length == 0 || length > LONGEST) {
            return withoutNumbers(text);
        }
        int at = (length * 31 + text.charAt(length / 2) * 7 + text.charAt(0)) & (KEPT - 1);
        Known found = known[at];
        if (found == null || found.text != text) {
            found = new Known(text, withoutNumbers(text));
            // Whoever reads it meanwhile sees the one or the other.
            known[at] = found;
        }
        return found.template;
    }

    private static String withoutNumbers(String text) {
        int length = Math.min(text.length(), LONGEST);
        StringBuilder out = new StringBuilder(length);
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                out.append(c);
            } else if (out.length() == 0 || out.charAt(out.length() - 1) != '#') {
                out.append('#');
            }
        }
        return out.toString();
    }

    private static final class Known {
        final String text;
        final String template;

        Known(String text, String template) {
            this.text = text;
            this.template = template;
        }
    }
}
