"""How the page looks beyond what `markup` says: on a desk, on a phone, on paper. Colours are those of `palette`."""

from __future__ import annotations

from pipelines.companions.palette import ACCENT, INK, MUTED, RULE, WHITE

ROWS_ON_PAPER = 30
"""Of a longer table no more rows are printed."""

STYLE = f"""\
main {{ max-width: 72rem; margin: 0 auto; padding: 0 1rem 3rem; }}
.skip {{ position: absolute; left: -999rem; }}
.skip:focus {{ position: fixed; left: 1rem; top: 1rem; z-index: 9; padding: .5rem 1rem; background: {WHITE}; }}
.switch {{ margin: 1.25rem .35rem 0 0; width: 1.1rem; height: 1.1rem; vertical-align: -.15rem; accent-color: {ACCENT}; }}
.switch + label {{ margin-right: 1.25rem; padding: .5rem 0; cursor: pointer; font-size: .9375rem; }}
.switch:checked + label {{ font-weight: 600; }}
#in-zh:checked ~ #en, #in-en:checked ~ #zh {{ display: none; }}
header {{ padding: 2rem 0 1.5rem; }}
h1 {{ margin: 0; font-size: clamp(1.5rem, 1.1rem + 2vw, 2.25rem); line-height: 1.25; letter-spacing: -.01em; }}
h2 {{ margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.3; }}
h3 {{ margin: 0 0 .5rem; font-size: 1rem; line-height: 1.4; font-weight: 600; }}
p {{ margin: 0 0 .75rem; max-width: 46rem; }}
.lead {{ margin-top: .5rem; color: {MUTED}; font-size: 1.0625rem; }}
.facts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: .75rem 2rem;
  margin: 1.5rem 0 0; padding: 1rem 0 0; border-top: 1px solid {RULE}; }}
.facts div {{ min-width: 0; }}
.facts dt {{ color: {MUTED}; font-size: .875rem; }}
.facts dd {{ margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }}
nav ul {{ display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; }}
nav a {{ display: inline-block; padding: .35rem 0; }}
section {{ margin-top: 1.5rem; padding: 1.75rem clamp(1rem, 3vw, 2rem); background: {WHITE};
  border: 1px solid {RULE}; border-radius: 10px; }}
.finding {{ margin-bottom: 1.25rem; font-size: 1.0625rem; }}
.panels {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17.5rem), 1fr)); gap: 2rem 2.5rem; }}
.panels.one {{ max-width: 24rem; }}
.panels.two {{ grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 23rem)); column-gap: 5rem; }}
.panels.beside {{ grid-template-columns: minmax(0, 1fr); column-gap: 2rem; align-items: start; }}
figure {{ margin: 0; min-width: 0; max-width: 23rem; }}
.beside figure {{ max-width: 28rem; }}
.on-paper {{ display: none; }}
figure svg {{ display: block; width: 100%; height: auto; font-size: 12px; font-variant-numeric: tabular-nums; }}
#zh figcaption {{ word-break: keep-all; }}
figcaption {{ margin-top: .5rem; color: {MUTED}; font-size: .875rem; line-height: 1.5; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 1.25rem; padding: 0; list-style: none; font-size: .875rem; }}
.icon {{ width: 1rem; height: 1rem; margin-right: .4rem; vertical-align: -.15rem; }}
.note {{ margin: 1rem 0 0; color: {MUTED}; font-size: .875rem; }}
.note + .note {{ margin-top: .25rem; }}
details {{ margin-top: 1rem; border-top: 1px solid {RULE}; }}
details + details {{ margin-top: 0; }}
summary {{ padding: .65rem 0; cursor: pointer; font-size: .9375rem; color: {ACCENT}; }}
.scroll {{ position: relative; overflow-x: auto; margin-bottom: 1rem; }}
table {{ border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.45; }}
caption {{ padding: .25rem 0 .5rem; text-align: left; color: {MUTED}; }}
th, td {{ padding: .4rem .75rem .4rem 0; border-bottom: 1px solid {RULE}; text-align: left; vertical-align: top; }}
th {{ font-weight: 600; }}
thead th {{ border-bottom: 2px solid {MUTED}; vertical-align: bottom; }}
.number {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
.short {{ white-space: nowrap; }}
.gone {{ color: {MUTED}; }}
.meanings {{ margin: 0 0 1rem; font-size: .9375rem; }}
.meanings dt {{ margin-top: .5rem; font-weight: 600; }}
.meanings dd {{ margin: 0; max-width: 46rem; }}
.meanings code, .sources code {{ font-size: .8125rem; font-weight: 400; color: {MUTED}; overflow-wrap: anywhere; }}
.sources {{ margin: 0 0 1rem; padding: 0; list-style: none; font-size: .9375rem; }}
footer {{ padding: 1.5rem 0 0; color: {MUTED}; font-size: .875rem; }}
.unseen {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }}
@media (min-width: 64rem) {{
  .panels.beside {{ grid-template-columns: 21rem minmax(0, 1fr); }}
}}
@media (max-width: 30rem) {{
  section {{ margin-inline: -1rem; padding-inline: clamp(.75rem, 4vw, 1rem); border-inline: 0; border-radius: 0; }}
  header {{ padding-top: 1.25rem; }}
  th, td {{ padding-right: .5rem; }}
  thead .number {{ white-space: normal; }}
  .beside table {{ font-size: .8125rem; }}
  .beside thead th, .beside .gone {{ font-size: .75rem; }}
  .beside :is(th, td) {{ padding-right: .35rem; }}
  .beside :is(th, td):last-child {{ padding-right: 0; }}
  .beside tbody th {{ min-width: 4.5em; white-space: normal; text-wrap: balance; }}
  .beside .gone:not(:has(.unseen)) > [aria-hidden] {{ display: none; }}
}}
@media print {{
  body, section {{ background: {WHITE}; }}
  body {{ font-size: 10pt; }}
  main {{ max-width: none; padding: 0; }}
  section {{ border: 0; padding: 0; margin-top: 6mm; }}
  section ~ section {{ break-before: page; margin-top: 0; }}
  .long tbody tr:nth-child(n+{ROWS_ON_PAPER + 1}) {{ display: none; }}
  .on-paper {{ display: block; }}
  .skip, .switch, .switch + label, nav {{ display: none; }}
  h2, h3, .finding, summary, caption {{ break-after: avoid; }}
  figure, tr, .legend {{ break-inside: avoid; }}
  .legend {{ break-after: avoid; }}
  thead {{ display: table-header-group; }}
  .panels, .panels.two, .panels.beside {{ grid-template-columns: repeat(2, 1fr); gap: 5mm 8mm; }}
  .panels.one {{ grid-template-columns: 1fr; max-width: 110mm; }}
  .scroll {{ overflow: visible; }}
  table {{ font-size: 7.5pt; line-height: 1.3; }}
  th, td {{ padding-block: .8mm; }}
  details {{ margin-top: 3mm; }}
  figcaption, .note, .sources, .meanings {{ font-size: 8pt; line-height: 1.4; }}
  .meanings {{ columns: 2; column-gap: 8mm; }}
  .meanings dt, .meanings dd {{ break-inside: avoid; margin-top: 0; }}
  summary {{ padding-block: 1mm; font-size: 9pt; }}
  details::details-content {{ content-visibility: visible; display: block; block-size: auto; }}
  summary {{ list-style: none; color: {INK}; font-weight: 600; }}
  summary::-webkit-details-marker {{ display: none; }}
}}
"""
