package io.drsquirrel.flink.text;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * A throwable as Java prints it, without secrets and within bounds: of each cause the first and
 * last frames, and of many causes the first and the deepest.
 */
public final class ThrowableText {
    private static final int CAUSES = 20;
    private static final int SUPPRESSED = 3;
    private static final int FIRST_FRAMES = 96;
    private static final int LAST_FRAMES = 16;
    private static final int HEADER_CHARS = 4_000;

    private ThrowableText() {}

    /** The text, in at most `longest` characters. */
    public static String of(Throwable thrown, int longest) {
        List<String> blocks = new ArrayList<>();
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        StackTraceElement[] enclosing = {};
        Throwable next = thrown;
        while (next != null && blocks.size() < CAUSES && seen.add(next)) {
            StackTraceElement[] frames = framesOf(next);
            blocks.add(block(next, blocks.isEmpty() ? "" : "Caused by: ", frames, enclosing));
            enclosing = frames;
            next = causeOf(next);
        }
        return joined(blocks, longest);
    }

    private static String block(
            Throwable thrown,
            String before,
            StackTraceElement[] frames,
            StackTraceElement[] outer) {
        StringBuilder out = new StringBuilder(before).append(header(thrown)).append('\n');
        int common = common(frames, outer);
        frames(out, frames, frames.length - common, "\t");
        if (common > 0) {
            out.append("\t... ").append(common).append(" more\n");
        }
        Throwable[] suppressed = suppressedOf(thrown);
        for (int i = 0; i < suppressed.length && i < SUPPRESSED; i++) {
            out.append("\tSuppressed: ").append(header(suppressed[i])).append('\n');
            StackTraceElement[] its = framesOf(suppressed[i]);
            frames(out, its, its.length - common(its, frames), "\t\t");
        }
        return out.toString();
    }

    private static void frames(
            StringBuilder out, StackTraceElement[] frames, int count, String indent) {
        int left = count - FIRST_FRAMES - LAST_FRAMES;
        for (int i = 0; i < count; i++) {
            if (left > 0 && i == FIRST_FRAMES) {
                out.append(indent).append("... ").append(left).append(" frames cut ...\n");
                i += left;
            }
            out.append(indent).append("at ").append(frames[i]).append('\n');
        }
    }

    private static int common(StackTraceElement[] frames, StackTraceElement[] outer) {
        int common = 0;
        while (common < frames.length
                && common < outer.length
                && frames[frames.length - 1 - common].equals(outer[outer.length - 1 - common])) {
            common++;
        }
        return common;
    }

    /** The first block and as many of the deepest as there is room for, the last in any case. */
    private static String joined(List<String> blocks, int longest) {
        String all = String.join("", blocks);
        if (all.length() <= longest || blocks.size() == 1) {
            return Cut.cut(all, longest);
        }
        String first = Cut.cut(blocks.get(0), longest / 3);
        StringBuilder rest = new StringBuilder();
        int room = longest - first.length() - 40;
        int at = blocks.size() - 1;
        rest.append(Cut.cut(blocks.get(at), room));
        while (--at > 0 && rest.length() + blocks.get(at).length() <= room) {
            rest.insert(0, blocks.get(at));
        }
        return first + (at > 0 ? "\t... " + at + " causes cut ...\n" : "") + rest;
    }

    /** Class and message: what Java prints of it, unless the throwable fails at that too. */
    private static String header(Throwable thrown) {
        try {
            return Secrets.hide(String.valueOf(thrown), HEADER_CHARS);
        } catch (Throwable e) {
            return thrown.getClass().getName();
        }
    }

    private static StackTraceElement[] framesOf(Throwable thrown) {
        try {
            return thrown.getStackTrace();
        } catch (Throwable e) {
            return new StackTraceElement[0];
        }
    }

    private static Throwable causeOf(Throwable thrown) {
        try {
            return thrown.getCause();
        } catch (Throwable e) {
            return null;
        }
    }

    private static Throwable[] suppressedOf(Throwable thrown) {
        try {
            return thrown.getSuppressed();
        } catch (Throwable e) {
            return new Throwable[0];
        }
    }
}
