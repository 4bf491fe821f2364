"""Statements against the books: what `qixia rewards audit` finds as `wrong_statements`.

Each SQL statement looks at the statements with %s < id <= %s, in its subqueries too, and names those that do not fit. It reads postings and
entries, never the sums that another check has made.
"""

from __future__ import annotations

# The sums on a statement against its lines.
_SUMS = """
SELECT s.public_id FROM rewards_statement s LEFT JOIN rewards_statementline l ON l.statement_id = s.id
WHERE s.state <> 'draft' AND s.id > %s AND s.id <= %s
GROUP BY s.id, s.public_id, s.uses, s.late, s.points, s.fen, s.lost_fen, s.corrected_fen
HAVING s.fen <> COALESCE(SUM(l.fen), 0) OR s.points <> COALESCE(SUM(l.points), 0)
  OR s.uses <> COALESCE(SUM(CASE WHEN l.kind = 'use' THEN 1 ELSE 0 END), 0)
  OR s.late <> COALESCE(SUM(CASE WHEN l.late THEN 1 ELSE 0 END), 0)
  OR s.lost_fen <> COALESCE(SUM(CASE WHEN l.kind = 'loss' THEN l.fen ELSE 0 END), 0)
  OR s.corrected_fen <> COALESCE(SUM(CASE WHEN l.kind = 'correction' THEN l.fen ELSE 0 END), 0)
ORDER BY s.id
"""
# Each line against what its own posting moved on the merchant's settlement accounts.
_LINES = """
SELECT DISTINCT public_id FROM (
  SELECT s.public_id, l.id FROM rewards_statement s
  JOIN people_organisation o ON o.id = s.merchant_id
  JOIN rewards_statementline l ON l.statement_id = s.id
  LEFT JOIN rewards_entry e ON e.posting_id = l.posting_id
  LEFT JOIN rewards_account a
    ON a.id = e.account_id AND a.kind = 'settlement' AND a.owner_ref = 'organisation:' || o.public_id
  WHERE s.id > %s AND s.id <= %s
  GROUP BY s.public_id, l.id, l.points, l.fen, l.kind, l.borne_by
  HAVING l.points <> COALESCE(SUM(CASE WHEN a.unit = 'points' THEN e.amount ELSE 0 END), 0)
    OR COALESCE(SUM(CASE WHEN a.unit = 'fen' THEN e.amount ELSE 0 END), 0)
      <> CASE WHEN l.kind = 'correction' OR (l.kind = 'loss' AND l.borne_by = 'city') THEN l.fen ELSE 0 END
) AS f ORDER BY public_id
"""
# Lines against what they are about: a use or a loss of another merchant, a use with other points.
_MATTERS = """
SELECT DISTINCT s.public_id FROM rewards_statement s
JOIN rewards_statementline l ON l.statement_id = s.id
LEFT JOIN rewards_use u ON u.id = l.use_id
LEFT JOIN rewards_offlinescan c ON c.id = l.scan_id
LEFT JOIN rewards_tilldevice d ON d.id = c.device_id
LEFT JOIN rewards_correction k ON k.id = l.correction_id
WHERE s.id > %s AND s.id <= %s AND (
  u.merchant_id <> s.merchant_id OR u.points <> l.points OR u.posting_id <> l.posting_id
  OR d.merchant_id <> s.merchant_id OR c.borne_fen <> l.fen OR c.borne_points <> l.points OR k.fen <> l.fen
) ORDER BY s.public_id
"""
# The money of the other lines against the posting of the statement.
_ISSUES = """
SELECT s.public_id FROM rewards_statement s JOIN people_organisation o ON o.id = s.merchant_id
LEFT JOIN (
  SELECT e.posting_id, a.owner_ref, SUM(e.amount) AS fen FROM rewards_entry e
  JOIN rewards_account a ON a.id = e.account_id WHERE a.kind = 'settlement' AND a.unit = 'fen'
    AND e.posting_id IN (SELECT posting_id FROM rewards_statement WHERE id > %s AND id <= %s)
  GROUP BY e.posting_id, a.owner_ref
) AS m ON m.posting_id = s.posting_id AND m.owner_ref = 'organisation:' || o.public_id
LEFT JOIN (
  SELECT statement_id, SUM(fen) AS fen FROM rewards_statementline
  WHERE statement_id > %s AND statement_id <= %s AND (kind = 'use' OR (kind = 'loss' AND borne_by = 'rider'))
  GROUP BY statement_id
) AS l ON l.statement_id = s.id
WHERE s.state <> 'draft' AND s.id > %s AND s.id <= %s AND COALESCE(m.fen, 0) <> COALESCE(l.fen, 0) ORDER BY s.id
"""
# What was brought over against what earlier statements carried over.
_CARRIED = """
SELECT s.public_id FROM rewards_statement s LEFT JOIN rewards_statement c ON c.carried_into_id = s.id
WHERE s.id > %s AND s.id <= %s
GROUP BY s.id, s.public_id, s.brought_fen, s.brought_points
HAVING s.brought_fen <> COALESCE(SUM(c.carried_fen), 0) OR s.brought_points <> COALESCE(SUM(c.carried_points), 0)
ORDER BY s.id
"""
# A paid statement has one payment that stands (or nothing to pay), any other has none.
_PAID = """
SELECT s.public_id FROM rewards_statement s
LEFT JOIN rewards_payment p ON p.statement_id = s.id AND p.reversed_at IS NULL
WHERE s.id > %s AND s.id <= %s AND NOT (
  (s.state = 'paid' AND s.due_fen > 0 AND COALESCE(p.fen, 0) = s.due_fen)
  OR (s.state = 'paid' AND s.due_fen = 0 AND p.id IS NULL AND (s.due_points = 0 OR s.closing_id IS NOT NULL))
  OR (s.state <> 'paid' AND p.id IS NULL)
) ORDER BY s.id
"""
# What payments, closings and reversals took from the settlement accounts against what is due.
_PAYMENTS = """
SELECT s.public_id FROM rewards_statement s JOIN people_organisation o ON o.id = s.merchant_id
LEFT JOIN (
  SELECT statement_id, posting_id FROM rewards_payment WHERE statement_id > %s AND statement_id <= %s
  UNION ALL SELECT p.statement_id, r.id FROM rewards_payment p JOIN rewards_posting r ON r.reverses_id = p.posting_id
    WHERE p.statement_id > %s AND p.statement_id <= %s
  UNION ALL SELECT id, closing_id FROM rewards_statement WHERE closing_id IS NOT NULL AND id > %s AND id <= %s
) AS p ON p.statement_id = s.id
LEFT JOIN rewards_entry e ON e.posting_id = p.posting_id
LEFT JOIN rewards_account a
  ON a.id = e.account_id AND a.kind = 'settlement' AND a.owner_ref = 'organisation:' || o.public_id
WHERE s.id > %s AND s.id <= %s
GROUP BY s.id, s.public_id, s.state, s.due_fen, s.due_points
HAVING COALESCE(SUM(CASE WHEN a.unit = 'fen' THEN e.amount ELSE 0 END), 0)
    <> CASE WHEN s.state = 'paid' THEN -s.due_fen ELSE 0 END
  OR COALESCE(SUM(CASE WHEN a.unit = 'points' THEN e.amount ELSE 0 END), 0)
    <> CASE WHEN s.state = 'paid' THEN -s.due_points ELSE 0 END
ORDER BY s.id
"""
# What came into a merchant's settlement accounts and stands on no line: uses and money from before the end of the month of
# the latest statement that was issued, a day of grace for what was under way. Named is that statement.
_STRAYED = """
SELECT s.public_id FROM rewards_statement s JOIN people_organisation o ON o.id = s.merchant_id
WHERE s.id > %s AND s.id <= %s AND s.state <> 'draft' AND NOT EXISTS (
  SELECT 1 FROM rewards_statement n WHERE n.merchant_id = s.merchant_id AND n.state <> 'draft' AND n.month > s.month
) AND EXISTS (
  SELECT 1 FROM rewards_account a JOIN rewards_entry e ON e.account_id = a.id
  JOIN rewards_posting p ON p.id = e.posting_id
  WHERE a.kind = 'settlement' AND a.owner_ref = 'organisation:' || o.public_id
    AND p.created_at < {end} AND p.kind IN ('redeem', 'settle', 'spend')
    AND NOT EXISTS (SELECT 1 FROM rewards_statementline l WHERE l.posting_id = p.id)
    AND NOT EXISTS (SELECT 1 FROM rewards_statement i WHERE i.posting_id = p.id)
) ORDER BY s.id
"""


def checks(vendor: str) -> tuple[str, ...]:
    """The SQL of this database: what it calls the last day of a month differs."""
    last = "date(s.month, '+1 month', '-1 day')" if vendor == "sqlite" else "(s.month + interval '1 month - 1 day')"
    return (_SUMS, _LINES, _MATTERS, _ISSUES, _CARRIED, _PAID, _PAYMENTS, _STRAYED.replace("{end}", last))
