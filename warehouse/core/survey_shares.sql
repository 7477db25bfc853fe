-- core.survey_shares
-- One row per survey, question, street and package: what share of those asked named the package.
-- A withheld count is at least 1 and at most one less than the smallest number shown, so the share lies between two
-- bounds; nothing is put in its place. The margin is that of a share of one half at 95 %, the widest there is.
with counted as (
    select
        answers.survey_id,
        answers.question_id,
        answers.street_code,
        answers.package_code,
        max(answers.surveyed_on) as surveyed_on,
        coalesce(sum(answers.answer_count), 0) as known_count,
        count(*) filter (where answers.is_withheld) as withheld_count,
        cast(sum(answers.response_base) as bigint) as survey_n
    from street.questionnaires as answers
    where answers.package_code is not null and not coalesce(answers._is_deleted_upstream, false)
    group by all
)

select
    counted.survey_id,
    counted.question_id,
    counted.street_code,
    counted.package_code,
    counted.surveyed_on,
    counted.survey_n,
    counted.withheld_count,
    cast((counted.known_count + counted.withheld_count) / nullif(counted.survey_n, 0) as decimal(7, 6))
        as survey_share_low,
    cast(
        least(
            1.0,
            (counted.known_count + counted.withheld_count * (rules.min_people - 1)) / nullif(counted.survey_n, 0)
        )
        as decimal(7, 6)
    ) as survey_share_high,
    cast(least(1.0, 0.98 / sqrt(nullif(counted.survey_n, 0))) as decimal(7, 6)) as survey_margin
from counted
inner join ref.need_rules as rules
    on counted.surveyed_on >= rules.valid_from and counted.surveyed_on < rules.valid_to
