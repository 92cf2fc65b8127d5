"""The view `agent_flows_scale`: how many consumers each version of each queue needs.

It decides as `agents/runtime/scheduling/scaling.py`, from rows that other processes write anyway, so that
an autoscaler needs the database alone, also while no process of this project runs.

This is the text of revision 0022, and it stays as it is. A migration that changes the view, or a table
that it reads, drops it first and creates it last, from a module of its own beside this one. Columns are
only added, so that readers of an earlier release go on.
"""

from alembic import op

READY = "state = 'pending' AND retry_at IS NULL AND deaths = 0"
MEAN = "CASE WHEN forecasts > 0 AND work > 0 THEN work / forecasts ELSE 1.0 END"
MOST_COUNTED = 50_000  # items that wait, or that ended within the cooldown
MOST_SAMPLED = 2_000  # of these; the mean of more is taken from as many
MOST_OUTSIDE = 1_000  # due items that are not in the queue, of each kind
MOST_HELD = (
    10_000  # by one consumer, or by all that crashed; a limit also keeps the index on the owner
)

_SQL = """
CREATE VIEW agent_flows_scale AS
WITH RECURSIVE
queue_names (queue) AS (
  SELECT min(scenario) FROM items WHERE {ready}
  UNION ALL
  SELECT (SELECT min(scenario) FROM items WHERE scenario > q.queue AND {ready})
  FROM queue_names q WHERE q.queue IS NOT NULL
),
ready (queue, version) AS (
  SELECT q.queue, (SELECT min(major) FROM items WHERE scenario = q.queue AND {ready})
  FROM queue_names q WHERE q.queue IS NOT NULL
  UNION ALL
  SELECT r.queue,
    (SELECT min(major) FROM items WHERE scenario = r.queue AND major > r.version AND {ready})
  FROM ready r WHERE r.version IS NOT NULL
),
versions AS (
  SELECT queue, version FROM ready WHERE version IS NOT NULL
  UNION SELECT scenario, major FROM worker_versions
  UNION SELECT scenario, major FROM paces
  UNION SELECT scenario, current FROM rollouts
  UNION SELECT scenario, candidate FROM rollouts
  UNION SELECT b.scenario, coalesce((
      SELECT major FROM items WHERE scenario = b.scenario ORDER BY accepted_at DESC LIMIT 1), 1)
    FROM scale_bounds b
),
known AS (
  SELECT v.queue, v.version,
    max(coalesce((SELECT CASE WHEN state = 'promoted' THEN candidate ELSE current END
                  FROM rollouts WHERE scenario = v.queue ORDER BY id DESC LIMIT 1),
                 (SELECT major FROM items WHERE scenario = v.queue
                  ORDER BY accepted_at DESC LIMIT 1), 1)) AS standard,
    max(coalesce((SELECT least FROM scale_bounds WHERE scenario = v.queue), 0)) AS least,
    max(coalesce((SELECT most FROM scale_bounds WHERE scenario = v.queue), 8)) AS most,
    max(coalesce((SELECT target_seconds FROM scale_bounds WHERE scenario = v.queue), 60.0))
      AS target_seconds,
    max(coalesce((SELECT cooldown_seconds FROM scale_bounds WHERE scenario = v.queue), 300.0))
      AS cooldown_seconds,
    max(coalesce((SELECT {mean} FROM paces WHERE scenario = v.queue AND major = v.version),
                 (SELECT {mean} FROM paces WHERE scenario = v.queue ORDER BY at DESC LIMIT 1), 1.0))
      AS mean,
    max(coalesce((SELECT items / seconds FROM paces WHERE scenario = v.queue AND major = v.version),
                 (SELECT items / seconds FROM paces WHERE scenario = v.queue
                  ORDER BY at DESC LIMIT 1), 1.0)) AS items_a_second,
    max((SELECT count(*) FROM queues WHERE scenario = v.queue AND paused IS NOT NULL)) AS paused,
    max((SELECT per_second FROM rates WHERE scenario = v.queue AND tenant = '')) AS per_second,
    max({now}) AS at
  FROM versions v GROUP BY v.queue, v.version
),
facts AS (
  SELECT k.queue, k.version,
    max(CASE WHEN k.version = k.standard THEN k.least ELSE 0 END) AS least,
    max(k.most) AS most,
    max(k.target_seconds) AS target_seconds,
    max(k.cooldown_seconds) AS cooldown_seconds,
    max(k.paused) AS paused,
    max(k.items_a_second * k.mean) AS pace,
    max(k.mean) AS mean,
    max(k.per_second * k.mean) AS limit_seconds,
    max(CASE WHEN k.paused > 0 THEN 0.0 ELSE
      coalesce((SELECT avg(coalesce(f.expected, k.mean)) FROM (
          SELECT expected FROM items WHERE scenario = k.queue AND major = k.version AND {ready}
          ORDER BY rank, id LIMIT {sampled}) f), 0.0)
      * (SELECT count(*) FROM (
          SELECT 1 FROM items WHERE scenario = k.queue AND major = k.version AND {ready}
          ORDER BY rank, id LIMIT {counted}) f)
      + coalesce((SELECT sum(coalesce(d.expected, k.mean)) FROM (
          SELECT expected FROM items WHERE scenario = k.queue AND major = k.version
          AND state = 'pending' AND retry_at IS NOT NULL AND retry_at <= k.at
          LIMIT {outside}) d), 0.0)
      + coalesce((SELECT sum(coalesce(d.expected, k.mean)) FROM (
          SELECT expected FROM items WHERE scenario = k.queue AND major = k.version
          AND state = 'pending' AND retry_at IS NOT NULL AND retry_at > k.at + {longest}
          LIMIT {outside}) d), 0.0)
      END) AS in_queue,
    max(coalesce((SELECT sum(coalesce(s.expected, k.mean)) FROM (
          SELECT expected FROM items WHERE scenario = k.queue AND major = k.version
          AND state = 'pending' AND deaths > 0 AND (retry_at IS NULL OR retry_at <= k.at)
          LIMIT {outside}) s), 0.0)
      + coalesce((SELECT sum(coalesce(h.expected, k.mean)) FROM (
          SELECT scenario, major, expected FROM items
          WHERE owner IN (SELECT id FROM owners WHERE beat_at + lease <= {now})
          LIMIT {held}) h WHERE h.scenario = k.queue AND h.major = k.version), 0.0)
      + coalesce((SELECT sum(coalesce(u.expected, k.mean)) FROM (
          SELECT i.expected FROM items i WHERE i.scenario = k.queue AND i.major = k.version
          AND i.state = 'compensating' AND i.owner IS NULL AND i.waiting_since IS NULL
          AND (i.retry_at IS NULL OR i.retry_at <= k.at)
          AND NOT EXISTS (SELECT 1 FROM dead_letters l WHERE l.item = i.id AND l.status = 'open')
          LIMIT {outside}) u), 0.0)) AS outside_queue,
    max(coalesce((SELECT avg(CASE WHEN e.major = k.version THEN coalesce(e.expected, k.mean)
                                  ELSE 0.0 END) FROM (
          SELECT major, expected FROM items WHERE scenario = k.queue
          AND ended_at IS NOT NULL AND ended_at > k.at - k.cooldown_seconds
          ORDER BY ended_at DESC LIMIT {sampled}) e), 0.0)
      * (SELECT count(*) * CASE WHEN count(*) < {counted} THEN 1.0 ELSE
              k.cooldown_seconds / {greatest}(k.at - min(e.ended_at), 1.0) END FROM (
          SELECT ended_at FROM items WHERE scenario = k.queue
          AND ended_at IS NOT NULL AND ended_at > k.at - k.cooldown_seconds
          ORDER BY ended_at DESC LIMIT {counted}) e)) AS lately_seconds,
    max((SELECT count(*) FROM worker_versions w JOIN owners o ON o.id = w.owner
         WHERE w.scenario = k.queue AND w.major = k.version AND o.beat_at + o.lease > k.at))
      AS consumers,
    max((SELECT count(*) FROM worker_versions w JOIN owners o ON o.id = w.owner
         WHERE w.scenario = k.queue AND w.major = k.version AND o.beat_at + o.lease > k.at
         AND EXISTS (SELECT 1 FROM (
             SELECT scenario, major FROM items WHERE owner = o.id LIMIT {held}) h
           WHERE h.scenario = k.queue AND h.major = k.version))) AS claimed
  FROM known k GROUP BY k.queue, k.version
),
needs AS (
  SELECT f.queue, f.version,
    max({lowest}(
      {lowest}(1.0 * f.consumers, f.lately_seconds / (f.cooldown_seconds * f.pace * {utilisation}))
        + (f.in_queue + f.outside_queue) / (f.pace * f.target_seconds),
      coalesce(f.limit_seconds / f.pace, 1e9),
      1e9)) AS needed,
    max({greatest}(2 * f.consumers, f.consumers + {at_once})) AS grown,
    max(CASE WHEN f.in_queue + f.outside_queue > 0
               OR (f.consumers > 0 AND f.lately_seconds > 0) THEN 1 ELSE 0 END) AS some,
    max(f.in_queue + f.outside_queue) AS waiting_seconds, max(f.lately_seconds) AS lately_seconds,
    max(f.consumers) AS consumers, max(f.claimed) AS claimed, max(f.pace) AS pace,
    max(f.mean) AS mean_seconds, max(f.limit_seconds) AS limit_seconds, max(f.paused) AS paused,
    max(f.least) AS least, max(f.most) AS most, max(f.target_seconds) AS target_seconds,
    max(f.cooldown_seconds) AS cooldown_seconds
  FROM facts f GROUP BY f.queue, f.version
)
SELECT n.queue, n.version,
  {lowest}(n.most, {greatest}(n.least, n.claimed, n.some,
    CASE WHEN n.needed >= n.grown THEN n.grown ELSE {ceiling} END)) AS consumers_wanted,
  n.waiting_seconds, n.lately_seconds, n.consumers, n.claimed, n.pace, n.mean_seconds,
  n.limit_seconds, n.paused, n.least, n.most, n.target_seconds, n.cooldown_seconds
FROM needs n
"""

_DIALECTS = {
    "sqlite": {
        "now": "((julianday('now') - 2440587.5) * 86400.0)",
        "lowest": "min",
        "greatest": "max",
        "ceiling": "CAST(n.needed - 0.1 AS INTEGER) + (n.needed - 0.1 > CAST(n.needed - 0.1 AS INTEGER))",
    },
    "postgresql": {
        "now": "extract(epoch FROM clock_timestamp())::float8",
        "lowest": "least",
        "greatest": "greatest",
        "ceiling": "ceil(n.needed - 0.1)::integer",
    },
}


def create() -> None:
    """Create the view, also where it is here already."""
    drop()
    words = _DIALECTS[op.get_bind().dialect.name]
    op.execute(
        _SQL.format(
            **words,
            ready=READY,
            mean=MEAN,
            counted=MOST_COUNTED,
            sampled=MOST_SAMPLED,
            outside=MOST_OUTSIDE,
            held=MOST_HELD,
            longest=3600.0,
            utilisation=0.8,
            at_once=4,
        )
    )


def drop() -> None:
    """Drop the view, so that the tables that it reads can be changed."""
    op.execute("DROP VIEW IF EXISTS agent_flows_scale")
