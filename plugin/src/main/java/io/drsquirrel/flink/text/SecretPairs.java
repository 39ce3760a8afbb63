package io.drsquirrel.flink.text;

import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds what stands after a secret's name in a text: `name=…`, `name: "…"`, `--name …`, XML. */
final class SecretPairs {
    private static final int LONGEST_KEY = 200;
    private static final String QUOTES = "\"'`";
    private static final String DELIMITERS = ",;&|)]}<>\"'`\\";
    private static final Pattern SOURCE_LINE =
            Pattern.compile("\\.(?:java|scala|kt|groovy|py|jar)$");
    private static final Pattern THROWABLE = Pattern.compile("(?:Exception|Error|Failure)$");
    private static final Pattern CLASS_NAME = Pattern.compile("^(?:\\w+\\.){2,20}[A-Z]\\w*$");
    private static final Pattern SENTENCE = Pattern.compile("\\S{1,200}[ \\t]+\\w");
    private static final Pattern PORT = Pattern.compile("\\d{2,5}\\b");
    private static final Pattern ENDS_IN_SECRET =
            Pattern.compile("(?i)(?:password|passwd|pass|pwd|secret|token|key)\\d*$");
    private static final Pattern SIGNED = Pattern.compile("(?i)(?:signature|sig)$");
    private static final Pattern SCHEME =
            Pattern.compile("(?i)(?:basic|bearer|negotiate|token|apikey|sharedkey)\\s+");
    private static final Pattern SEPARATOR =
            Pattern.compile("\\s{0,8}(?::=|=>|==|=|:|%3[adAD])\\s{0,8}");
    private static final Pattern FLAG =
            Pattern.compile("(?<![\\w\\-])--?([\\w.\\-]{2,200}) {1,4}(?=[^-\\s])");
    private static final Pattern IDENTIFIED =
            Pattern.compile("(?i)(identified by\\s{1,8})(?:'[^']*+'?|\"[^\"]*+\"?|\\S++)");
    private static final Pattern ELEMENT =
            Pattern.compile("<([\\w.\\-]{1,200})>([^<]{1,4096})(?=</)");

    private final String text;
    private final StringBuilder shown = new StringBuilder();
    private int done;

    private SecretPairs(String text) {
        this.text = text;
    }

    static String hide(String given) {
        String text = given;
        if (text.contains("</")) {
            text = ELEMENT.matcher(text).replaceAll(SecretPairs::element);
        }
        if (text.toLowerCase(Locale.ROOT).contains("identified by")) {
            text = IDENTIFIED.matcher(text).replaceAll("$1" + Secrets.mark("pair"));
        }
        if (text.indexOf('-') >= 0) {
            text = new SecretPairs(text).hideFlags();
        }
        return new SecretPairs(text).hidePairs();
    }

    private static String element(MatchResult found) {
        String key = found.group(1);
        boolean isSecret = Secrets.isSecret(key, found.group(2).trim());
        String shown = "<" + key + ">" + (isSecret ? Secrets.mark("key") : found.group(2));
        return Matcher.quoteReplacement(shown);
    }

    private String hideFlags() {
        Matcher flag = FLAG.matcher(text);
        while (flag.find()) {
            if (flag.start() >= done && Secrets.isSecretKey(flag.group(1))) {
                replace(flag.group(1), flag.end(), false);
            }
        }
        return shown.append(text, done, text.length()).toString();
    }

    private String hidePairs() {
        Matcher separator = SEPARATOR.matcher(text);
        int from = 0;
        while (from < text.length() && separator.find(from)) {
            from = Math.max(separator.end(), separator.start() + 1);
            String key = keyBefore(separator.start());
            if (key.isEmpty() || separator.start() < done) {
                continue;
            }
            boolean isSigned = separator.group().equals("=") && SIGNED.matcher(key).find();
            if ((isSigned || Secrets.isSecretKey(key)) && isPair(key, separator)) {
                from = Math.max(from, replace(key, separator.end(), isSigned));
            }
        }
        return shown.append(text, done, text.length()).toString();
    }

    /** The word that ends here, before a quote or not. */
    private String keyBefore(int end) {
        int last = end;
        while (last > 0 && (isOf(QUOTES, last - 1) || text.charAt(last - 1) == '\\')) {
            last--;
        }
        int first = last;
        while (first > 0 && last - first < LONGEST_KEY && isWord(text.charAt(first - 1))) {
            first--;
        }
        return text.substring(first, last);
    }

    private boolean isOf(String characters, int at) {
        return characters.indexOf(text.charAt(at)) >= 0;
    }

    private static boolean isWord(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '.' || c == '-';
    }

    /** Whether what looks like a key and a colon is one, and no class, frame or address. */
    private boolean isPair(String key, Matcher separator) {
        if (!separator.group().trim().equals(":")) {
            return true;
        }
        if (SOURCE_LINE.matcher(key).find() || THROWABLE.matcher(key).find()) {
            return false;
        }
        if (CLASS_NAME.matcher(key).find() && at(SENTENCE, separator.end())) {
            return false;
        }
        return !at(PORT, separator.end()) || ENDS_IN_SECRET.matcher(key).find();
    }

    private boolean at(Pattern pattern, int start) {
        return pattern.matcher(text).region(start, text.length()).lookingAt();
    }

    /** Hides the value that starts here, if it is a secret; returns where to go on. */
    private int replace(String key, int after, boolean anyway) {
        int start = after;
        Matcher scheme = SCHEME.matcher(text).region(start, text.length());
        if (scheme.lookingAt()) {
            start = scheme.end();
        }
        while (start < text.length() && text.charAt(start) == '\\') {
            start++;
        }
        boolean isQuoted = start < text.length() && isOf(QUOTES, start);
        int end = isQuoted ? endOfQuoted(++start) : endOfBare(key, start);
        String value = text.substring(start, end);
        boolean isSign = value.length() == 1 && !Character.isLetterOrDigit(value.charAt(0));
        boolean isHidden = value.startsWith(Secrets.mark("").substring(0, 4));
        if (value.isEmpty() || isSign || isHidden || !(anyway || Secrets.isSecret(key, value))) {
            return after;
        }
        shown.append(text, done, start).append(Secrets.mark("pair"));
        done = end;
        return end;
    }

    /** Where the quoted value ends; the end of the text where the closing quote was cut off. */
    private int endOfQuoted(int start) {
        char quote = text.charAt(start - 1);
        for (int at = start; at < text.length(); at++) {
            if (text.charAt(at) == '\\' && at + 1 < text.length() && text.charAt(at + 1) != quote) {
                at++;
            } else if (text.charAt(at) == quote) {
                boolean isDoubled = at + 1 < text.length() && text.charAt(at + 1) == quote;
                if (!isDoubled) {
                    return at;
                }
                at++;
            }
        }
        return text.length();
    }

    /** At white space, or at a delimiter behind which the next name or nothing stands. */
    private int endOfBare(String key, int start) {
        boolean isWholeLine = key.toLowerCase(Locale.ROOT).endsWith("cookie");
        for (int at = start; at < text.length(); at++) {
            char c = text.charAt(at);
            if (c == '\n' || c == '\r' || !isWholeLine && Character.isWhitespace(c)) {
                return at;
            }
            if (at > start && DELIMITERS.indexOf(c) >= 0 && endsAt(at)) {
                return at;
            }
        }
        return text.length();
    }

    private boolean endsAt(int delimiter) {
        int at = delimiter;
        while (at < text.length() && at - delimiter < 8 && isOf(DELIMITERS, at)) {
            at++;
        }
        if (at == text.length() || Character.isWhitespace(text.charAt(at))) {
            return true;
        }
        int name = at;
        while (at < text.length() && at - name < 100 && isWord(text.charAt(at))) {
            at++;
        }
        while (at < text.length() && isOf(QUOTES, at)) {
            at++;
        }
        return at > name && at < text.length() && isOf("=:", at);
    }
}
