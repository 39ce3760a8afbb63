package io.drsquirrel.flink.text;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a secret looks like, by its key and by its look: the rules of drsquirrel/collect/secret.py
 * as far as they can be kept without RE2. The service applies its own to what arrives.
 */
public final class Secrets {
    private static final String DOTS = "••••";
    private static final int EXAMINED_CHARS = 1 << 15;
    /** Flink's own list, then ours. */
    private static final Pattern KEY =
            Pattern.compile(
                    "(?i)password|secret|fs\\.azure\\.account\\.key|apikey|auth-params|service-key"
                            + "|token|basic-auth|jaas\\.config|http-headers|access-key"
                            + "|access\\.key|accesskey"
                            + "|passw|passphrase|passcode|pwd|pass(?:$|[^a-z])"
                            + "|(?-i:[a-z0-9]Pass[A-Z0-9])"
                            + "|(?:^|[^a-z])dsn(?:$|[^a-z])|credential|keytab|private"
                            + "|conn(?:ection)?[._\\- ]?str|jaas|authorization|cookie|webhook"
                            + "|identified by"
                            + "|(?:api|access|account|service|encryption|signing|master|shared"
                            + "|license|keystore|customer|storage)[._\\- ]?key"
                            + "|^ssl\\.keystore\\.certificate\\.chain$");
    private static final Pattern SHOWN_ANYWAY =
            Pattern.compile(
                    "(?i)|true|false|yes|no|none|null|writer|committer|global committer|\\*+");
    private static final Pattern MEASURE_KEY =
            Pattern.compile(
                    "(?i)(?:^|[._\\-])(?:size|interval|period|timeout|ttl|ratio|backoff|delay|count"
                            + "|retries|attempts|limit|lifetime|length|max|min|ms)$");
    private static final Pattern MEASURE = Pattern.compile("(?i)\\d+(?:\\.\\d+)? ?[a-z%]{0,12}");
    private static final Pattern CLASS_KEY =
            Pattern.compile("(?i)(?:^|[._\\-])(?:class|provider|providers|factory|type|impl)$");
    private static final Pattern CLASS =
            Pattern.compile("(?:[a-z]\\w{0,99}\\.){1,20}[A-Z][\\w$]{0,200}");
    private static final Pattern USERINFO =
            Pattern.compile(
                    "(//|%2[fF]%2[fF])[^\\s/?#@:'\"<>]{0,512}(?::|%3[aA])"
                            + "(?!\\d{1,5}(?:[/,?#\\s]|$))"
                            + "[^\\s'\"<>]{0,512}?(?:@|%40)(?![^\\s/'\"<>]{0,512}@)");
    private static final Pattern LONE_USER =
            Pattern.compile("(\\bhttps?://)[^\\s/?#@:'\"<>]{1,512}@");
    private static final Pattern ORACLE =
            Pattern.compile(
                    "(?i)(jdbc:oracle:[a-z0-9]{1,20}:)[^\\s/@'\"<>]{1,200}/[^\\s@'<>]{1,512}@");
    private static final Pattern PEM =
            Pattern.compile(
                    "(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----"
                            + ".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----|$)");
    private static final Pattern JAAS =
            Pattern.compile(
                    "(?i)(LoginModule\\s{1,20})(?:required|requisite|sufficient|optional)\\b"
                            + "(?:[^;\"]{1,512}+|\"[^\"]{0,1024}+\"?+){0,64}+;?");
    private static final Pattern TOKEN =
            Pattern.compile(
                    "\\beyJ[\\w\\-]{8,}+\\.[\\w\\-]{4,}+(?:\\.[\\w\\-]*+){1,4}"
                            + "|\\b(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\\b"
                            + "|\\bAIza[\\w\\-]{35}|\\bya29\\.[\\w\\-.]++|\\bGOCSPX-[\\w\\-]{20,}+"
                            + "|\\bxox[a-z]-[\\w\\-]{8,}+|\\bxapp-[\\w\\-]{8,}+"
                            + "|\\bgh[pousr]_\\w{20,}+|\\bgithub_pat_\\w{20,}+"
                            + "|\\bglpat-[\\w\\-]{16,}+|\\b[sr]k_(?:live|test)_\\w{10,}+"
                            + "|\\bhv[sbr]\\.[\\w\\-]{20,}+|\\bnpm_\\w{30,}+|\\bdapi[0-9a-f]{32}"
                            + "|\\bSG\\.[\\w\\-]{16,}+\\.[\\w\\-]{16,}+"
                            + "|(?i:\\bBearer)\\s{1,4}[A-Za-z.~+/_\\-]{0,200}\\d[\\w.~+/\\-]*+=*+"
                            + "|\\bBasic\\s{1,4}[A-Za-z0-9+/]{8,}+={1,2}"
                            + "|(?:hooks\\.slack\\.com/\\w{1,40}|webhook\\.office\\.com/\\w{1,40}"
                            + "|discord(?:app)?\\.com/api/webhooks)/[^\\s\"'<>]++");

    private Secrets() {}

    /** What stands in the place of a secret: it tells the rule, and not even the length. */
    public static String mark(String rule) {
        return DOTS + " (redacted: " + rule + ")";
    }

    /** The value under this key as it may be shown, in at most `longest` characters. */
    public static String shown(String key, String value, int longest) {
        return isSecret(key, value) ? mark("key") : hide(value, longest);
    }

    /** Whether the value is hidden for its key; sizes, durations, switches and classes are not. */
    public static boolean isSecret(String key, String value) {
        if (!isSecretKey(key) || SHOWN_ANYWAY.matcher(value).matches()) {
            return false;
        }
        if (MEASURE_KEY.matcher(key).find() && MEASURE.matcher(value).matches()) {
            return false;
        }
        return !(CLASS_KEY.matcher(key).find() && CLASS.matcher(value).matches());
    }

    static boolean isSecretKey(String key) {
        return KEY.matcher(key).find();
    }

    /**
     * The text with every secret in it replaced, in at most `longest` characters; what cannot be
     * examined is replaced whole. It is cut afterwards: half a secret is not known as one.
     */
    public static String hide(String text, int longest) {
        String examined = text;
        if (text.length() > EXAMINED_CHARS) {
            int end = EXAMINED_CHARS;
            while (end > 0 && !Character.isWhitespace(text.charAt(end))) {
                end--;
            }
            examined = text.substring(0, end) + " … (cut)";
        }
        return Cut.cut(hide(examined), longest);
    }

    static String hide(String text) {
        try {
            return hidden(text);
        } catch (RuntimeException | StackOverflowError e) {
            return mark("failure");
        }
    }

    private static String hidden(String given) {
        String text = given;
        if (text.contains("-----BEGIN")) {
            text = PEM.matcher(text).replaceAll(mark("pem"));
        }
        if (text.contains("LoginModule")) {
            text = JAAS.matcher(text).replaceAll("$1" + mark("jaas"));
        }
        text = SecretPairs.hide(text);
        if (text.indexOf('@') >= 0 || text.contains("%40")) {
            String whole = Matcher.quoteReplacement(mark("url") + "@");
            text = USERINFO.matcher(text).replaceAll("$1" + whole);
            text = LONE_USER.matcher(text).replaceAll("$1" + whole);
            text = ORACLE.matcher(text).replaceAll("$1" + whole);
        }
        return TOKEN.matcher(text).replaceAll(mark("token"));
    }
}
