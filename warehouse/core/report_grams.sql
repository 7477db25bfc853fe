-- core.report_grams
-- One row per state of a report that says something: the different three-letter pieces of its text, as numbers, without
-- blanks and signs. `low_mark` and `high_mark` are a fingerprint of 128 bits, a bit a piece: pieces that only one of
-- two texts has are at least as many as the bits that differ, so most pairs need no look at the pieces themselves.
with texts as (
    select
        state_no,
        regexp_replace(like_text, '[\s\p{P}\p{S}]+', '', 'g') as letters
    from core.report_states
    where like_text <> ''
),

pieces as (
    select
        state_no,
        list_distinct(
            list_transform(range(1, length(letters) - 1), lambda place: hash(substr(letters, place, 3)))
        ) as grams
    from texts
    where length(letters) >= 3
)

select
    state_no,
    grams,
    len(grams) as gram_count,
    coalesce(
        list_bit_or(
            list_transform(
                list_filter(grams, lambda gram: gram % 128 < 64),
                lambda gram: cast(1 as ubigint) << (gram % 64)
            )
        ), 0
    ) as low_mark,
    coalesce(
        list_bit_or(
            list_transform(
                list_filter(grams, lambda gram: gram % 128 >= 64),
                lambda gram: cast(1 as ubigint) << (gram % 64)
            )
        ), 0
    ) as high_mark
from pieces
