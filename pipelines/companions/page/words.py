"""The page's own words in both languages, each pair written once. What tables and columns mean comes from contracts.

`{name}` stands for a value that is put in.
"""

from __future__ import annotations

from pipelines.companions.markup import CHINESE, ENGLISH

ZH, EN = "zh", "en"
LANGUAGES = (ZH, EN)
LANG = {ZH: CHINESE, EN: ENGLISH}

WORDS: dict[str, tuple[str, str]] = {
    "brain": ("城市大脑", "Urban brain"),
    "place": ("{area} · {count}\u00a0个街镇", "{area} · {count}\u00a0streets"),
    "intro": (
        "三级数据通道一图读懂：市、区、街道的数据每天汇到一处，这里是本次发布中任何人都可以查看的数字。",
        "The three-level channel in one picture: what city, district and streets deliver is joined every day. "
        "These are the figures of this release that anybody may read.",
    ),
    "contents": ("目录", "Contents"),
    "release": ("发布编号", "Release"),
    "as_of": ("数据截至", "As of"),
    "version": ("程序版本", "Code version"),
    "freshness": ("各级最新业务日", "Newest business day"),
    "fresh_level": ("{level} {day}", "{level} {day}"),
    "fresh_none": ("不详", "not known"),
    "data_table": ("数据表：{title}", "Data: {title}"),
    "definitions": ("指标含义与来源", "Definitions and source"),
    "source": ("来源表", "Source table"),
    "download": ("下载 {file}（{size}）", "Download {file} ({size})"),
    "withheld": ("保密", "suppressed"),
    "unknown": ("不详", "not known"),
    "legend_marks": (
        "“•”表示数值较小、为保护隐私不公布；“–”表示没有数据。",
        "“•” stands for a small figure that is suppressed to protect people; “–” for one that is not known.",
    ),
    "small_base": ("小样本", "small base"),
    "small_base_note": (
        "空心点与“小样本”表示有效回访少于规则要求，比率仅供参考。",
        "A hollow dot and “small base” mark fewer valid callbacks than the rule asks for: read such a rate with care.",
    ),
    "street": ("街镇", "Street"),
    "total": ("合计", "Total"),
    "and": ("、", ", "),
    "colon": ("：", ": "),
    "of_published": (
        "（仅就公布的 {count}/{all} 个数字而言）{sentence}",
        "(Of the {count} of {all} figures that are published) {sentence}",
    ),
    "some_drawn": (
        "图中只画出最需关注的 {shown} 个（共 {all} 个），其余见数据表。",
        "Only the {shown} that need attention most of {all} are drawn; the others stand in the data.",
    ),
    "rows_left_out": ("打印时仅列前 {count} 行，其余见 Parquet 文件。", "On paper only the first {count} rows; the others are in the Parquet file."),
    "note": ("备注", "Note"),
    # the map
    "map": ("各街镇综合得分", "Composite score, street by street"),
    "map_finding": (
        "{period} 周期综合得分：{most}最高（{high}），{least}最低（{low}）。",
        "{period}: highest composite score in {most} ({high}), lowest in {least} ({low}).",
    ),
    "map_nothing": ("{period} 周期没有可比的得分。", "{period}: no score to compare."),
    "map_tiles": (
        "每格代表一个街镇，相邻关系大致如实，大小不代表面积。",
        "One tile a street; neighbours stand near each other, size tells nothing.",
    ),
    "map_list": ("街镇按代码排列，位置不代表方位。", "Streets in the order of their codes; places tell nothing."),
    "map_outlines": ("边界来自部署方配置的区划图。", "Outlines as configured where this runs."),
    "map_scale": ("综合得分，0 至 100", "Composite score, 0 to 100"),
    # the three rates
    "rates": ("三率及走势", "Three rates and their trend"),
    "rates_finding": (
        "{period} 周期，{rates}。",
        "{period}: {rates}.",
    ),
    "rates_one": ("{rate}最低的是{street}（{low}）", "{rate} lowest in {street} ({low})"),
    "rates_same": ("{rate}均为 {low}", "{rate} {low} everywhere"),
    "rates_picture": (
        "{rate}，{period}：{high_street}最高（{high}），{low_street}最低（{low}）；{trend}。",
        "{rate}, {period}: highest in {high_street} ({high}), lowest in {low_street} ({low}); {trend}.",
    ),
    "rates_trend": ("较上期 {count} 个街镇上升", "{count} streets rose since the period before"),
    "rates_first": ("只有一个周期，尚无走势", "one period only, no trend yet"),
    "rates_note": (
        "实心点为最新周期，左侧折线为历次周期；右列为较上期变化（百分点）。",
        "The dot is the newest period, the line leads to it from earlier ones; at the right the change in percentage points.",
    ),
    "rates_note_first": (
        "点为最新周期；有第二个样本足够的周期后显示走势。",
        "The dot is the newest period; with a second one that has enough callbacks a trend is drawn.",
    ),
    "rates_later": (
        "{periods} 周期有效回访尚少，未画出，数字见数据表。",
        "{periods} has too few callbacks yet and is not drawn; its figures stand in the data.",
    ),
    "rates_provisional": (
        "未冻结周期的数字为暂计；名次以通报为准。",
        "Figures of an open period are provisional; the published rank is the bulletin's.",
    ),
    "rates_example": (
        "计分规则为示例，不是主管部门的正式规则。",
        "The score rule is an example, not the bureau's own.",
    ),
    "period_open": ("未冻结", "open"),
    "period_frozen": ("已冻结", "frozen"),
    # cases
    "cases": ("三级同见的事项", "Problems that several levels saw"),
    "cases_finding": (
        "共 {all} 件事项，其中 {several} 件{share}有两级及以上记录{most}。",
        "{all} cases; {several} of them{share} are known to more than one level{most}.",
    ),
    "cases_share": ("（{share}）", " ({share})"),
    "cases_most": ("，其中最多的是{combination}（{count} 件）", ", most often {combination} ({count})"),
    "cases_levels": ("各级有记录的事项", "Cases each level knows"),
    "cases_levels_picture": ("各级有记录的事项数：{counts}。", "Cases each level has a record of: {counts}."),
    "cases_combinations": ("哪几级看到同一事项", "Which levels saw the same problem"),
    "cases_combinations_picture": (
        "按层级组合的事项数：{counts}。",
        "Cases by combination of levels: {counts}.",
    ),
    "only": ("仅{level}", "{level} only"),
    "shared": ("与其他层级共有", "shared with another level"),
    "alone": ("仅本级", "this level only"),
    "cases_withheld": (
        "有 {count} 格因数值较小不公布，相关合计为“至少”。",
        "{count} small cells are suppressed; sums over them are “at least”.",
    ),
    # need against projects
    "need": ("需求与项目对照", "Need against projects"),
    "need_finding": (
        "{period} 周期，需求高于投入最多的是{street}的{package}（差距 {gap}）。",
        "{period}: need outruns effort most in {street}, {package} (gap {gap}).",
    ),
    "need_nothing": ("{period} 周期没有需求高于投入的任务包。", "{period}: need outruns effort nowhere."),
    "need_picture": (
        "{package}：{street}差距最大（{gap}）；{count} 个街镇需求高于投入。",
        "{package}: largest gap in {street} ({gap}); need outruns effort in {count} streets.",
    ),
    "need_picture_nothing": ("{package}：没有可比的数字。", "{package}: nothing to compare."),
    "need_withheld": (
        "各街镇的需求指数均不公布。",
        "The need index is suppressed in every street.",
    ),
    "need_note": (
        "两项指数均为街镇间位次（0 至 1），用于提示关注次序，不证明投入不足。右列为差距，正数表示需求高于投入。",
        "Both indexes are ranks among streets, 0 to 1: they order attention and prove nothing. At the right the gap, positive where need outruns effort.",
    ),
    # projects
    "projects": ("项目进展", "Projects by stage"),
    "projects_finding": (
        "在册 {all} 个项目：{done} 个已完工或投用，{red} 个预警为红。",
        "{all} projects in the plan: {done} finished or in use, {red} red.",
    ),
    "projects_stages": ("按阶段", "By stage"),
    "projects_packages": ("按任务包", "By package"),
    "projects_colours": ("预警颜色", "Warning colours"),
    "projects_picture": ("{kind}的项目数与预警：{counts}。", "Projects {kind}, with their warning colours: {counts}."),
    "projects_part": ("{name} {count} 个（红 {red}、黄 {amber}、绿 {green}）", "{name} {count} (red {red}, amber {amber}, green {green})"),
    "projects_by_stage": ("按阶段", "by stage"),
    "projects_by_package": ("按任务包", "by package"),
    "withdrawn_apart": ("其中 {count} 个没有预警颜色（如已调出）。", "{count} of them have no colour, such as withdrawn ones."),
    "no_colour": ("无预警色", "no colour"),
    "rag_red": ("红：明显滞后", "red: far behind"),
    "rag_amber": ("黄：有滞后", "amber: behind"),
    "rag_green": ("绿：正常", "green: on time"),
    # supply
    "supply": ("公共服务供给", "Supply of services"),
    "supply_finding": (
        "低于全区水平的街镇最多的是{service}（{count} 个街镇）。",
        "{service}: no other service has as many streets below their district ({count}).",
    ),
    "supply_nothing": ("没有可与全区比较的供给数字。", "No supply to compare with the district."),
    "supply_picture": (
        "{service}，每千{base}：{count} 个街镇低于全区的 {district}；{street}最低（{low}）。",
        "{service} per 1,000 {base}: {count} streets below the district's {district}; least in {street} ({low}).",
    ),
    "supply_panel": ("{unit}，每千{base}", "{unit} per 1,000 {base}"),
    "supply_district": ("全区 {value}", "district {value}"),
    "supply_target": ("标准 {value}", "target {value}"),
    "supply_target_example": ("示例标准 {value}", "example target {value}"),
    "supply_no_source": ("无数据来源：{services}。", "No source tells: {services}."),
    "supply_bar": ("街镇", "street"),
    "supply_bar_hollow": ("街镇，有质量提示", "street, with a caution"),
    "supply_tick": ("全区", "district"),
    "supply_note": (
        "质量提示（如人口为估算）见数据表。",
        "Cautions, such as an estimated population, stand in the data.",
    ),
    # the channel
    "channel": ("通道健康", "Health of the channel"),
    "channel_finding": (
        "{day}：{count} 个数据集应到，{late} 个迟到，{missing} 个缺失。{who}",
        "{day}: of {count} feeds that were due, {late} came late and {missing} are missing. {who}",
    ),
    "channel_who": ("需关注：{feeds}。", "To look at: {feeds}."),
    "channel_all_well": ("没有需关注的数据集。", "None needs attention."),
    "channel_feeds": ("各数据集逐日状态", "Feeds, day by day"),
    "channel_feeds_picture": (
        "{count} 个数据集最近 {days} 个业务日的状态。{who}",
        "State of {count} feeds on the last {days} business days. {who}",
    ),
    "channel_score": ("得分", "score"),
    "channel_reasons": ("隔离原因", "Why rows are set aside"),
    "channel_reasons_picture": (
        "最常见的隔离原因：{reason}，{count} 行；图中前 {shown} 项。",
        "The commonest reason: {reason}, {count} rows; the first {shown} are drawn.",
    ),
    "channel_reasons_note": (
        "一行违反几条规则就计几次。深色为待更正，浅色为已处理。",
        "A row counts under each rule it breaks. Dark rows still wait, pale ones are settled.",
    ),
    "channel_status": ("未列出的日子不应到，也没有到。", "On a day without a mark nothing was due and nothing came."),
    "channel_learning": (
        "“观察期”表示历史还短，尚不知道多少算正常。",
        "“learning” marks a feed with too few days yet to know what is usual.",
    ),
    "whole_row": ("整行", "whole row"),
    "expected": ("要求", "Expected"),
    "feed": ("数据集", "Feed"),
    "level": ("层级", "Level"),
    # all tables
    "all_tables": ("本次发布的全部公开表", "Every open table of this release"),
    "dictionary": ("数据字典：各表各列的含义", "Data dictionary: what every table and column means"),
    "changes": ("与上一次发布相比的变化", "What changed from the release before"),
    "all_tables_finding": (
        "共 {count} 张表，均可离线读取。",
        "{count} tables, all of them readable offline.",
    ),
    "table": ("表", "Table"),
    "meaning": ("内容", "What it is"),
    "row_count": ("行数", "Rows"),
    "file": ("文件", "File"),
    "footer": (
        "本页面为自包含文件，不联网、不含脚本。数字取自本次发布的公开表。",
        "This page is self-contained: no script, no request. Its figures are those of the release's open tables.",
    ),
}  # fmt: skip
