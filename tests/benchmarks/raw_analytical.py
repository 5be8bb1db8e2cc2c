"""What reports ask of the engine, as somebody would write it in DuckDB's SQL by hand, on the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["BY_HAND", "COUNTED"]

LOST = "stage_id IN (SELECT id FROM stage WHERE category = 'lost')"

RUNS = """
    SELECT ticket_id, metric, instance, "at", due, type, row_number() OVER latest AS step,
        sum(CASE WHEN type = 'activate' THEN 1 ELSE 0 END) OVER latest
            - CASE WHEN type = 'activate' THEN 1 ELSE 0 END AS later
    FROM metric_event WHERE {}
    WINDOW latest AS (PARTITION BY ticket_id, metric, instance ORDER BY "at" DESC, id DESC ROWS UNBOUNDED PRECEDING)
"""

STRETCHES = f"""
WITH run AS ({
    RUNS.format(
        "instance = 1 AND metric IN ('first_response', 'resolution', 'requester_wait', 'agent_work')"
        " AND type IN ('activate', 'pause', 'fulfill', 'cancel')"
    )
}), found AS (
    SELECT ticket_id, metric, later,
        max("at") FILTER (type = 'activate') AS begins,
        min("at") FILTER (type <> 'activate') AS stopped,
        min("at") FILTER (type = 'fulfill') AS first_done_at,
        max("at") FILTER (type = 'fulfill') AS done_at,
        max(step) FILTER (type = 'fulfill') AS done,
        max(step) FILTER (type = 'cancel') AS cancelled
    FROM run GROUP BY ALL
)
SELECT ticket_id, metric, begins, done_at, later = 0 AS is_last,
    cancelled IS NOT NULL AND done IS NULL AS is_cancelled,
    least(coalesce(CASE WHEN cancelled > done THEN first_done_at ELSE stopped END, $now), $now) AS ends
FROM found WHERE begins IS NOT NULL
"""

ENDED = f"""
CREATE OR REPLACE TEMP TABLE by_hand AS
WITH run AS ({RUNS.format("metric IN ('first_response', 'next_reply', 'resolution')")}), found AS (
    SELECT ticket_id, metric, instance,
        count(*) FILTER (type = 'activate') AS turns,
        min(later) FILTER (type = 'fulfill' AND later > 0) AS left_at,
        min("at") FILTER (type = 'fulfill') AS first_done_at,
        max("at") FILTER (type = 'fulfill' AND later = 0) AS done_at,
        max("at") FILTER (type = 'cancel' AND later = 0) AS cancelled_at,
        arg_min(due IS NOT NULL, step) FILTER (type = 'apply_sla') AS promise,
        max("at") FILTER (type = 'breach') AS breached_at
    FROM run GROUP BY ALL
)
SELECT ticket_id, metric, instance, first_done_at, done_at, coalesce(left_at < turns, false) AS is_again,
    cancelled_at IS NOT NULL AND done_at IS NULL AS is_cancelled, coalesce(promise, false) AS is_promised,
    CASE WHEN breached_at IS NOT NULL AND (done_at IS NULL OR done_at > breached_at) THEN 'broken'
        WHEN promise AND done_at IS NOT NULL THEN 'kept' END AS verdict
FROM found WHERE turns > 0
"""

LIVES = """
WITH whole AS (
    SELECT ticket.*, ended.* EXCLUDE (ticket_id, metric, instance),
        CASE WHEN first_done_at IS NOT NULL THEN greatest(first_done_at, opened_at) END AS solved_at
    FROM ticket LEFT JOIN (FROM by_hand WHERE metric = 'resolution' AND instance = 1) AS ended
        ON ticket.id = ended.ticket_id
), next_one AS (
    SELECT whole.*, others.opened_at AS next_ticket_at
    FROM whole ASOF LEFT JOIN (FROM ticket WHERE customer_id IS NOT NULL) AS others
        ON whole.customer_id = others.customer_id AND coalesce(whole.topic, '') = coalesce(others.topic, '')
        AND whole.solved_at < others.opened_at
), later AS (
    SELECT next_one.*, said.happened_at AS next_contact_at
    FROM next_one ASOF LEFT JOIN (FROM interaction WHERE direction = 'in' AND thread IS NOT NULL) AS said
        ON next_one.thread = said.thread AND next_one.solved_at < said.happened_at
)
SELECT id, opened_at, is_again IS NOT NULL AS is_told, done_at IS NOT NULL AS is_solved,
    is_again IS NOT NULL AND done_at IS NULL AND NOT is_cancelled AS is_open, solved_at IS NOT NULL AS was_solved,
    is_again, customer_id IS NOT NULL AS has_customer,
    solved_at IS NULL OR solved_at + INTERVAL 7 DAY > $now AS is_early,
    next_ticket_at <= solved_at + INTERVAL 7 DAY OR next_contact_at <= solved_at + INTERVAL 7 DAY AS is_followed
FROM later ORDER BY id
"""

ORDERS = """
WITH total AS (
    SELECT order_id, sum(amount)::BIGINT AS minor, max(amount__currency) AS currency FROM order_line GROUP BY order_id
), counted AS (
    SELECT o.id, o.customer_id, o.placed_at, coalesce(minor, 0) AS minor,
        CASE WHEN status IN ('cancelled', 'returned') THEN 'not bought' WHEN o.customer_id IS NULL THEN 'nobody''s'
            WHEN currency <> 'KRW' THEN 'currency' WHEN minor < 0 THEN 'negative' END AS why
    FROM "order" AS o LEFT JOIN total ON o.id = total.order_id
    WHERE o.customer_id IS NULL OR o.customer_id IN (SELECT id FROM customer)
)
"""

CONTACTS = """
WITH every AS (
    SELECT i.id, i.customer_id, channel, thread, outcome, happened_at AS "at", direction = 'in' AS is_in, c.type,
        CASE WHEN happened_at > $now THEN 'to come' WHEN i.customer_id IS NULL THEN 'nobody''s'
            WHEN collaborative__internal THEN 'internal' WHEN operational__automatic THEN 'automatic' END AS why
    FROM interaction AS i LEFT JOIN customer AS c ON i.customer_id = c.id
    WHERE i.customer_id IS NULL OR c.id IS NOT NULL
)
"""

ANSWERED = """
, found AS (
    SELECT *, lead("at") OVER behind AS next_at, lead(is_in) OVER behind AS next_is_in,
        min(CASE WHEN NOT is_in THEN "at" END) OVER (
            PARTITION BY customer_id, channel, thread ORDER BY "at", id
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS ours_at, list_contains($live, channel) AS is_live, coalesce(list_contains($missed, outcome), false) AS is_missed
    FROM every WHERE why IS NULL
    WINDOW behind AS (PARTITION BY customer_id, channel, thread ORDER BY "at", id)
), judged AS (
    SELECT *, is_live OR "at" <= $now - INTERVAL 7 DAY AS is_known, NOT is_in AND NOT is_live AS is_written,
        coalesce(CASE WHEN is_live THEN NOT is_missed WHEN is_in THEN ours_at <= "at" + INTERVAL 7 DAY
            ELSE next_is_in AND next_at <= "at" + INTERVAL 7 DAY AND NOT is_missed END, false) AS is_answered
    FROM found
)
SELECT type, channel, count(*) FILTER (is_in) AS incoming, count(DISTINCT customer_id) AS customers,
    count(*) FILTER (NOT is_in AND is_known) AS tried,
    count(*) FILTER (NOT is_in AND is_known AND is_answered) AS replied,
    count(*) FILTER (is_in AND is_known) AS asked, count(*) FILTER (is_in AND is_known AND is_answered) AS seen_to,
    count(*) FILTER (NOT is_in AND NOT is_known) AS young,
    count(*) FILTER (is_written AND is_known AND NOT is_answered) AS silent,
    list(epoch_us(next_at) - epoch_us("at")) FILTER (is_written AND is_answered) AS took,
    list(epoch_us($now) - epoch_us("at")) FILTER (is_written AND NOT is_answered AND NOT is_known) AS open,
    list(id ORDER BY id) AS ids
FROM judged GROUP BY type, channel
"""

MOVES = """
WITH move AS (
    SELECT id, position, action, effective, stage_id__before AS before, stage_id__after AS after FROM deal__history
    WHERE action IN ('insert', 'delete') OR stage_id__after IS NOT NULL
)
"""

STAYS = """
, entry AS (
    SELECT CASE WHEN action = 'insert' THEN coalesce(lag(before) OVER later, stage_id) ELSE after END AS stage_id,
        min(effective) OVER later AS begins,
        min(effective) OVER (
            PARTITION BY id ORDER BY position DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ends
    FROM move JOIN deal USING (id)
    WINDOW later AS (PARTITION BY id ORDER BY position DESC ROWS UNBOUNDED PRECEDING)
), timed AS (
    SELECT stage_id, ends IS NOT NULL AS done, epoch_us(coalesce(ends, $now)) - epoch_us(begins) AS length
    FROM entry WHERE stage_id IS NOT NULL
), median AS (
    SELECT stage_id, median(length) AS median FROM timed WHERE done AND length >= 0 GROUP BY stage_id
)
SELECT stage_id, done, length // 3600000000 AS hours, count(*) AS count, any_value(median) AS median
FROM timed LEFT JOIN median USING (stage_id) WHERE length >= 0 GROUP BY ALL
"""

WHY = """
WITH reasoned AS (
    SELECT *, CASE WHEN actor_type <> 'person' THEN 'programs' WHEN starts_with(via, 'import:') THEN 'imports'
        WHEN action NOT IN ('insert', 'update') THEN 'deletions' END AS why
    FROM journal WHERE "at" >= $since AND "at" < $until
)
"""

ACTED = (
    WHY
    + """
SELECT actor, count(DISTINCT "at") AS actions, list(DISTINCT kind) AS kinds,
    list(DISTINCT epoch("at")::BIGINT // 900) AS quarters
FROM reasoned WHERE why IS NULL GROUP BY actor
"""
)

BY_HAND: Mapping[str, Sequence[str]] = {
    "lost-reasons": [
        "SELECT lost_reason_id, amount__currency, sum(amount) AS minor, list(id) AS ids "
        f"FROM deal WHERE {LOST} GROUP BY ALL",
        "SELECT id, name FROM lost_reason",
        f"SELECT id FROM deal WHERE closed_at IS NULL AND {LOST}",
    ],
    "lifetime-value": [
        ORDERS + "SELECT customer_id, placed_at, minor FROM counted WHERE why IS NULL",
        ORDERS
        + "SELECT why, count(*) AS count, list(id) AS ids FROM counted WHERE why IS NOT NULL GROUP BY why",
    ],
    "resolution-speed": [
        "SELECT ticket.id, calendar_id FROM ticket LEFT JOIN policy ON policy_id = policy.id ORDER BY ticket.id",
        STRETCHES,
    ],
    "resolution-effectiveness": [
        "SELECT ticket.id, calendar_id FROM ticket LEFT JOIN policy ON policy_id = policy.id ORDER BY ticket.id",
        ENDED,
        "SELECT ticket_id, metric, is_promised, verdict FROM by_hand",
        LIVES,
    ],
    "channel-use": [
        CONTACTS + ANSWERED,
        CONTACTS + "SELECT why, count(*) AS count, count(DISTINCT customer_id) AS customers, "
        "list(id ORDER BY id) FILTER (why IS NOT NULL) AS ids FROM every GROUP BY why",
    ],
    "pipeline": [
        "SELECT * FROM pipeline",
        "SELECT * FROM stage",
        MOVES
        + ", stay AS (SELECT id, before AS stage_id, false AS is_now FROM move WHERE before IS NOT NULL "
        "AND id IN (SELECT id FROM deal) UNION ALL SELECT id, stage_id, true FROM deal), been AS "
        "(SELECT stay.id, pipeline_id, bool_or(is_now AND category = 'open') AS is_open, "
        "bit_or((1::BIGINT << position::INT)) AS places FROM stay LEFT JOIN stage ON stay.stage_id = stage.id GROUP BY ALL) "
        "SELECT pipeline_id, is_open, places, list(id) AS ids FROM been GROUP BY ALL",
        "SELECT stage_id, amount__currency, closed_at IS NOT NULL AS is_dated, amount % 100 AS rest, "
        "sum(amount) AS minor, count(*) AS count, list(id) AS ids FROM deal GROUP BY ALL",
        MOVES + STAYS,
        "SELECT pipeline_id, median(epoch_us(closed_at) - epoch_us(opened_at)) FILTER (closed_at >= opened_at) AS median, "
        "list(deal.id) FILTER (closed_at < opened_at) AS ids FROM deal JOIN stage ON stage_id = stage.id "
        "WHERE category = 'won' GROUP BY pipeline_id",
        MOVES + "SELECT id FROM deal WHERE id NOT IN (SELECT id FROM move WHERE action = 'insert')",
        MOVES
        + "SELECT before, list(id) AS ids FROM move WHERE action = 'delete' AND id NOT IN (SELECT id FROM deal) GROUP BY before",
    ],
    "adoption": [
        ACTED,
        "SELECT DISTINCT actor FROM journal",
        ACTED.replace("$since", "$before").replace("$until", "$since"),
        WHY + "SELECT why, count(*) AS count FROM reasoned WHERE why IS NOT NULL GROUP BY why",
    ],
}
"""The statements of each report, of all times: `$now`; of channel-use `$live` and `$missed`, the channels on which people
talk and the outcomes that say nobody was reached; of adoption `$before`, `$since` and `$until`."""

COUNTED: Mapping[str, str] = {
    "lost-reasons": "SELECT count(*) FROM deal WHERE closed_at IS NOT NULL AND " + LOST,
    "lifetime-value": ORDERS + "SELECT count(DISTINCT customer_id) FROM counted WHERE why IS NULL",
    "resolution-speed": "SELECT count(*) FROM ticket",
    "resolution-effectiveness": "SELECT count(*) FROM ticket",
    "channel-use": CONTACTS + "SELECT count(*) FROM every WHERE why IS NULL",
    "pipeline": "SELECT count(*) FROM deal",
}
"""What the denominator of each is, by hand."""
