// Generated from schema/openapi.json by web/tools: do not edit. c6d644094667314d5df90a2ef526b7d28eba60f33fa52854f9990959bfe26d86
export interface paths {
    "/api/v1/flink-jobs/{flink_job}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The report of the latest run with a Flink JobID */
        get: operations["reportOfFlinkJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The jobs, worst first, and the clusters behind them */
        get: operations["listJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{job}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The report of a job's worst live run, else of its latest run */
        get: operations["reportOfJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every check and cause */
        get: operations["listRules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules/{code}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What one check or cause means, and its thresholds */
        get: operations["rulePage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest log lines of one run, where its processes have the plugin */
        get: operations["logsOfRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The report of one run */
        get: operations["reportOfRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Action
         * @description Something we did to the cluster beyond reading state: a thread dump.
         */
        Action: {
            container: string;
            result: string;
            time_ms: number;
            took_ms: number;
            what: string;
        };
        /**
         * Advice
         * @description One thing to do. `now` and `to` are option values; `now` is null where it was not read.
         */
        Advice: {
            because?: string;
            expect?: string;
            key?: string | null;
            /** @enum {string} */
            kind?: "change" | "measure" | "wait";
            now?: string | null;
            title: string;
            to?: string | null;
        };
        /**
         * Answer
         * @description A root cause, as the answer to one question about the run.
         */
        Answer: {
            advice: components["schemas"]["Advice"][];
            code: string;
            confidence: components["schemas"]["Confidence"];
            culprit: components["schemas"]["Culprit"];
            evidence: components["schemas"]["Evidence"][];
            leads_to: string[];
            onset: components["schemas"]["Onset"] | null;
            question: string;
            rivals: string[];
            title: string;
            will_not_help: string[];
        };
        /**
         * Benign
         * @description A state that looks like trouble and is none: warm-up, catching-up, burst, paced-source…
         */
        Benign: {
            code: string;
            text: string;
        };
        /**
         * CheckResult
         * @description What one health check says of the last hour.
         */
        CheckResult: {
            code: string;
            evidence: components["schemas"]["EvidenceRow"][];
            fail_at: number | null;
            fix: string;
            ignore_when: string;
            minutes: (number | null)[];
            observed_minutes: number;
            outcome: components["schemas"]["Outcome"];
            says: string;
            section: string;
            shown: string;
            threshold: string;
            title: string;
            value: number | null;
            warn_at: number | null;
            why: string;
        };
        /**
         * ClusterRow
         * @description One watched cluster; `heard` is one whose REST says nothing and whose processes send, `ended`
         *     a YARN application that is over.
         */
        ClusterRow: {
            flink_version: string;
            id: string;
            last_answer_ms: number | null;
            says: string;
            /** @enum {string} */
            state: "answering" | "heard" | "silent" | "connecting" | "ended";
            url: string;
        };
        /**
         * Confidence
         * @description How sure an answer is, in words: DIAGNOSIS.md section 5.7.
         *
         *     certain: an exact signature with its task or container, or a process-level fact; likely: at
         *     least 0.8 of its question; possible: 0.5 to 0.8; cannot_tell: below.
         * @enum {string}
         */
        Confidence: "certain" | "likely" | "possible" | "cannot_tell";
        /**
         * Culprit
         * @description Where the cause sits. Subtasks are indices; empty means all, or that they do not matter.
         */
        Culprit: {
            container?: string | null;
            host?: string | null;
            operator?: string | null;
            parallelism?: number | null;
            subtasks?: number[];
            vertex?: string | null;
            vertex_id?: string | null;
        };
        /**
         * Data
         * @description How much is known: age, completeness, what is missing and how to get it.
         */
        Data: {
            age_ms: number | null;
            clock_ahead_ms: number;
            gaps: string[];
            logs: boolean;
            observed_minutes: number;
            sources: components["schemas"]["Source"][];
        };
        /**
         * Evidence
         * @description One reason for or against an answer: a sentence and the number behind it.
         */
        Evidence: {
            group: string;
            stand: components["schemas"]["Stand"];
            text: string;
            value: string;
        };
        /**
         * EvidenceRow
         * @description One row of a check's evidence table.
         */
        EvidenceRow: {
            name: string;
            note: string;
            value: string;
        };
        /**
         * Incident
         * @description A fault of the last hour: from all tasks running to all running again; open while null.
         */
        Incident: {
            began_ms: number;
            cause: string | null;
            culprit: components["schemas"]["Culprit"];
            ended_ms: number | null;
            failures: number;
            note: string;
            title: string;
        };
        /**
         * JobList
         * @description The list of jobs, worst first, and the clusters behind it.
         */
        JobList: {
            clusters: components["schemas"]["ClusterRow"][];
            jobs: components["schemas"]["JobRow"][];
            kafka_says: string;
            made_ms: number;
            yarns: components["schemas"]["YarnRow"][];
        };
        /**
         * JobRef
         * @description The stable thing a team owns.
         */
        JobRef: {
            cluster: string;
            id: string;
            name: string;
        };
        /**
         * JobRow
         * @description One line of the list of jobs.
         */
        JobRow: {
            cells: string;
            data_age_ms: number | null;
            headline: string;
            job: components["schemas"]["JobRef"];
            live_runs: number;
            records_per_s: (number | null)[];
            run: components["schemas"]["RunRef"];
            since_ms: number | null;
            subline: string;
            verdict: components["schemas"]["Verdict"];
        };
        /**
         * Kill
         * @description How a process was ended. Bytes are of the memory it was ended for, where that is told.
         */
        Kill: {
            by?: string;
            exit_code?: number | null;
            limit_bytes?: number | null;
            used_bytes?: number | null;
            /** @enum {string} */
            why: "physical-memory" | "virtual-memory" | "signal" | "preempted" | "node-lost" | "released" | "exit";
        };
        /**
         * LastHour
         * @description The strips of the last hour on one clock, and what led what.
         */
        LastHour: {
            from_ms: number;
            records_per_s: (number | null)[];
            sentence: string;
            strips: components["schemas"]["Strip"][];
        };
        /**
         * LogLine
         * @description One log event of a process of the run: `count` equal lines; `dropped` more were not sent.
         */
        LogLine: {
            container: string;
            count: number;
            dropped: number;
            host: string;
            /** @enum {string} */
            level: "INFO" | "WARN" | "ERROR" | "FATAL";
            logger: string;
            message: string;
            of_process: boolean;
            task: string;
            throwable: string;
            time_ms: number;
        };
        /**
         * LogList
         * @description The newest log events of a run, and of its processes without a run, newest first; `complete`:
         *     there are no older ones.
         */
        LogList: {
            complete: boolean;
            lines: components["schemas"]["LogLine"][];
        };
        /**
         * Node
         * @description One vertex in the order of the data, with what it does now (shares of the worst subtask).
         */
        Node: {
            backpressured: number | null;
            busy: number | null;
            culprit: boolean;
            id: string;
            inputs: string[];
            name: string;
            operators: string[];
            parallelism: number;
            records_per_s: number | null;
            saturated: number;
            says: string;
        };
        /**
         * Onset
         * @description When something began, as far as the samples can tell: between earliest and latest.
         */
        Onset: {
            earliest_ms: number;
            latest_ms: number;
        };
        /**
         * Outcome
         * @description What a health check came to. Missing data is never a pass.
         * @enum {string}
         */
        Outcome: "pass" | "warn" | "fail" | "no_data" | "not_applicable" | "error";
        /**
         * Problem
         * @description What went wrong, in the form of RFC 9457; `id` also stands in Dr. Squirrel's own log.
         */
        Problem: {
            detail: string;
            id: string;
            status: number;
            title: string;
            type: string;
        };
        /**
         * Report
         * @description Everything that is said of one run at one moment.
         */
        Report: {
            actions: components["schemas"]["Action"][];
            benign: components["schemas"]["Benign"][];
            causes: components["schemas"]["Answer"][];
            checks: components["schemas"]["CheckResult"][];
            data: components["schemas"]["Data"];
            facts: [
                string,
                string
            ][];
            graph: components["schemas"]["Node"][];
            headline: string;
            hour: components["schemas"]["LastHour"];
            incidents: components["schemas"]["Incident"][];
            job: components["schemas"]["JobRef"];
            made_ms: number;
            run: components["schemas"]["RunRef"];
            schema: number;
            since_ms: number | null;
            subline: string;
            symptoms: components["schemas"]["Symptom"][];
            verdict: components["schemas"]["Verdict"];
            yarn: components["schemas"]["YarnFacts"] | null;
        };
        /**
         * RulePage
         * @description Everything a reader may know of one rule.
         */
        RulePage: {
            code: string;
            /** @enum {string} */
            kind: "check" | "cause";
            sections: components["schemas"]["RuleSection"][];
            thresholds: components["schemas"]["RuleThreshold"][];
            title: string;
        };
        /**
         * RuleRef
         * @description One rule in the list of rules.
         */
        RuleRef: {
            code: string;
            /** @enum {string} */
            kind: "check" | "cause";
            title: string;
        };
        /**
         * RuleSection
         * @description One part of a rule's page, such as "How to fix".
         */
        RuleSection: {
            heading: string;
            text: string;
        };
        /**
         * RuleThreshold
         * @description A number a rule judges by: its default and the value in force.
         */
        RuleThreshold: {
            default: number;
            help: string;
            name: string;
            unit: string;
            value: number;
        };
        /**
         * RunRef
         * @description One start of a job.
         */
        RunRef: {
            end_ms: number | null;
            flink_version: string;
            id: string;
            is_heard: boolean;
            job_id: string;
            start_ms: number;
            state: string;
        };
        /**
         * Source
         * @description One source of data about the run, and how old what it said last is.
         */
        Source: {
            age_ms: number | null;
            name: string;
            says: string;
            /** @enum {string} */
            state: "fresh" | "late" | "stale" | "missing";
        };
        /**
         * Stand
         * @description Which way a piece of evidence points.
         * @enum {string}
         */
        Stand: "for" | "against" | "ruled_out" | "undecided";
        /**
         * Strip
         * @description One row of the last hour: 60 cells, oldest first.
         *
         *     Cells: "." clear, "l" some, "h" high, "_" not seen; the last minute is open.
         */
        Strip: {
            cells: string;
            culprit: boolean;
            first: boolean;
            id: string;
            /** @enum {string} */
            kind: "backpressure" | "gc" | "checkpoints" | "restarts";
            name: string;
            sentence: string;
            worst_minute: number | null;
        };
        /**
         * Symptom
         * @description A condition that holds now, whether or not its cause is known.
         */
        Symptom: {
            code: string;
            culprit: components["schemas"]["Culprit"];
            explained_by: string[];
            onset: components["schemas"]["Onset"] | null;
            text: string;
        };
        /**
         * Verdict
         * @description What is said of a run or a job as a whole.
         * @enum {string}
         */
        Verdict: "failing" | "warning" | "unknown" | "healthy" | "ended";
        /**
         * YarnContainer
         * @description One container; a Flink process has its container's id. Null: not told.
         */
        YarnContainer: {
            exit_code?: number | null;
            id: string;
            kill?: components["schemas"]["Kill"] | null;
            memory_mib?: number | null;
            node?: string;
            said_by?: string;
            state?: string;
            vcores?: number | null;
        };
        /**
         * YarnFacts
         * @description One application as YARN tells of it. Times are by the ResourceManager's clock.
         */
        YarnFacts: {
            application: string;
            complete?: boolean;
            containers?: components["schemas"]["YarnContainer"][];
            diagnostics?: string;
            ended_ms?: number | null;
            final_status?: string;
            launched_ms?: number | null;
            name?: string;
            queue?: string;
            says?: string;
            state?: string;
            taken_ms: number;
            unlisted?: number;
            user?: string;
        };
        /**
         * YarnRow
         * @description One YARN whose Flink applications are watched.
         */
        YarnRow: {
            found: number | null;
            says: string;
            url: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    reportOfFlinkJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                flink_job: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description Unchanged: the ETag sent is the present one. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not an id. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unknown. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not made yet; ask again in some seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description Unchanged: the ETag sent is the present one. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not made yet; ask again in some seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reportOfJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description Unchanged: the ETag sent is the present one. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not an id. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unknown. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not made yet; ask again in some seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleRef"][];
                };
            };
        };
    };
    rulePage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                code: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RulePage"];
                };
            };
            /** @description Not an id. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unknown. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logsOfRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogList"];
                };
            };
            /** @description Unchanged: the ETag sent is the present one. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not an id. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unknown. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reportOfRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Request fulfilled, document follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description Unchanged: the ETag sent is the present one. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not an id. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unknown. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not made yet; ask again in some seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
