-- governance.case_links
-- One row per pair of records that are linked now and lie in one case, with what was measured and a sentence.
-- A group that was split back to its explicit links keeps only what lies inside its parts.
with links as (
    select
        links.*,
        clusters.case_id
    from core.links as links
    inner join core.clusters as clusters on links.one_no = clusters.report_no
    inner join core.clusters as other_clusters
        on links.other_no = other_clusters.report_no and clusters.first_no = other_clusters.first_no
    where links.known_to = 'infinity'
    qualify row_number() over (partition by links.one_no, links.other_no order by links.rule_order, links.known_from) = 1
),

meanings as (
    select
        rule_version,
        link_method,
        meaning_zh,
        meaning_en
    from ref.link_rules
)

select
    one.source_feed as one_feed,
    one.source_id as one_id,
    other.source_feed as other_feed,
    other.source_id as other_id,
    links.case_id,
    one.street_code,
    links.link_method,
    links.link_score,
    links.distance_m,
    links.hours_apart,
    links.similarity,
    links.rule_version,
    links.known_from as linked_at,
    links.link_score = min(links.link_score) over (partition by links.case_id) as is_weakest,
    meanings.meaning_zh || '：' || one.source_id || ' 与 ' || other.source_id || '（'
    || concat_ws(
        '，',
        '相隔' || printf('%.1f', links.hours_apart) || '小时',
        '相距' || printf('%.0f', links.distance_m) || '米',
        '文本相似' || printf('%.0f', 100 * links.similarity) || '%'
    ) || '）' as why_zh,
    meanings.meaning_en || ': ' || one.source_id || ' and ' || other.source_id || ' ('
    || concat_ws(
        ', ',
        printf('%.1f', links.hours_apart) || ' h apart',
        printf('%.0f', links.distance_m) || ' m apart',
        'words ' || printf('%.0f', 100 * links.similarity) || ' % alike'
    ) || ')' as why_en
from links
inner join core.reports as one on links.one_no = one.report_no
inner join core.reports as other on links.other_no = other.report_no
inner join meanings on links.rule_version = meanings.rule_version and links.link_method = meanings.link_method
