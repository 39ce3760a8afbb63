package io.drsquirrel.flink.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;

class SecretsTest {
    private static final String CANARY = "cAnArY1x";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "s3.secret-key",
                "security.ssl.rest.key-password",
                "fs.azure.account.key.acme.blob",
                "containerized.taskmanager.env.DB_PASS",
                "fs.gs.auth.service.account.private.key",
                "security.kerberos.login.keytab",
                "env.API_KEY",
                "my.dsn",
                "metrics.reporter.squirrel.kafka.sasl.jaas.config",
                "azure.connection-string",
            })
    void a_value_is_hidden_for_its_key(String key) {
        assertEquals("•••• (redacted: key)", Secrets.shown(key, CANARY, 100));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "state.backend.token-cache.size=100 mb",
                "security.delegation.tokens.enabled=true",
                "security.delegation.token.provider=org.acme.TokenProvider",
                "taskmanager.numberOfTaskSlots=4",
                "security.kerberos.login.keytab=",
                "token.lifetime=10 s",
            })
    void what_is_no_secret_is_shown(String option) {
        String[] parts = option.split("=", 2);
        assertEquals(parts[1], Secrets.shown(parts[0], parts[1], 100));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "jdbc:postgresql://app:cAnArY1x@db:5432/x",
                "jdbc:oracle:thin:scott/cAnArY1x@//db:1521/x",
                "https://cAnArY1x@github.com/acme",
                "redirect=https%3A%2F%2Fuser%3AcAnArY1x%40host",
                "amqp://u:c@cAnArY1x@host",
                "-Dx.password=cAnArY1x -Dy=1",
                "--db-password cAnArY1x --rows 5",
                "password = 'cAnArY1x'",
                "{\"password\": \"cAnArY1x\", \"a\": 1}",
                "{\\\"password\\\": \\\"cAnArY1x\\\"}",
                "CREATE USER x IDENTIFIED BY 'cAnArY1x'",
                "'password' => 'it''s cAnArY1x'",
                "<password>cAnArY1x</password>",
                "Authorization: Bearer cAnArY1x.0aaaa",
                "authorization: Basic cAnArY1xcAnArY1x=",
                "Set-Cookie: sid=cAnArY1x; Path=/",
                "https://b.s3/x?X-Amz-Signature=cAnArY1x&z=1",
                "https://b.blob/x?sv=1&sig=cAnArY1x",
                "PlainLoginModule required username=\"u\" password=\"cAnArY1x\";",
                "-----BEGIN PRIVATE KEY-----\ncAnArY1x\n-----END PRIVATE KEY-----",
                "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxcAnArY1x.cAnArY1xAAAA",
                "key AKIA0000000000000000 or xoxb-cAnArY1x-1 or ghp_cAnArY1xcAnArY1xcAnArY1x",
                "java.lang.RuntimeException: db.password=cAnArY1x",
                "api_key=abc,cAnArY1x, next=1",
            })
    void a_secret_is_hidden_in_a_text(String text) {
        String shown = Secrets.hide(text);
        assertFalse(shown.contains(CANARY), shown);
        assertFalse(shown.contains("AKIA0"), shown);
        assertTrue(shown.contains("(redacted: "), shown);
        assertFalse(Secrets.hide(shown).contains(CANARY));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\tat org.acme.TokenStore.get(TokenStore.java:12)",
                "java.security.InvalidKeyTokenException: no such thing",
                "Could not reach token-service:8080",
                "https://host:8081/jobs/1 and hdfs://nn:8020/x@y",
                "Exceeded checkpoint tolerable failure threshold.",
                "unexpected token: }",
                "org.apache.flink.util.PasswordFailure: the file was not found",
                "a=b, c = d: e@f",
            })
    void an_ordinary_text_is_not_changed(String text) {
        assertEquals(text, Secrets.hide(text));
    }

    @Test
    void a_secret_is_not_cut_in_two_before_it_is_known() {
        String text = "x ".repeat(20_000) + "password=" + CANARY.repeat(50);
        assertFalse(Secrets.hide(text, 1_000).contains("cAnA"));
        assertFalse(Secrets.hide("y".repeat(490) + " password=" + CANARY, 500).contains("cAnA"));
        assertEquals(500, Secrets.hide("z ".repeat(400), 500).length());
    }

    @Test
    void hostile_text_takes_no_time() {
        for (String part :
                new String[] {"//a:", "password=", "\"", "a=", "eyJ", "LoginModule required \"",
                    "-----BEGIN PRIVATE KEY-----", "Bearer ", "<a>", "--pass ", ",;", "token:\\"}) {
            String text = part.repeat(40_000 / part.length());
            Secrets.hide(text, 1_000);
            assertTimeout(Duration.ofMillis(2_000), () -> Secrets.hide(text, 1_000), part);
        }
    }
}
