"""Look and behaviour of the page. Both are constant, so the page's own policy names them by their hash."""

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--page:#fff;--ink:#15191e;--soft:#58626d;--rule:#d8dde3;--panel:#f4f6f8;
--ours:#0b5cad;--hodl:#8a939d;--gain:#0f7b57;--loss:#c0392b;--warn:#7a5200;--warned:#fff5dc;
--g1:#dff2ea;--g2:#b5e0cd;--g3:#7fc9a8;--l1:#fbe4e1;--l2:#f4bfb8;--l3:#e88f85;--on:#10151a}
@media (prefers-color-scheme:dark){:root{--page:#0f1317;--ink:#e5e9ee;--soft:#98a3af;--rule:#2b333c;--panel:#171c22;
--ours:#6cb2ff;--hodl:#7f8b97;--gain:#48c78e;--loss:#ff7d73;--warn:#f0c36a;--warned:#2b2312;
--g1:#14302a;--g2:#17493a;--g3:#1c6a51;--l1:#3a1f20;--l2:#5b2827;--l3:#85332f;--on:#f2f5f8}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main{max-width:1060px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:27px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:18px;margin:44px 0 10px;padding-top:12px;border-top:2px solid var(--ink)}
h3{font-size:14px;margin:22px 0 4px}
p{margin:8px 0;max-width:78ch}
.sub,.note,figcaption{color:var(--soft)}
.sub{margin:0;max-width:none}
.note,figcaption{font-size:13px}
.verdict{font-size:18px;line-height:1.45;margin:20px 0;max-width:66ch}
.warning{background:var(--warned);color:var(--warn);border-left:4px solid var(--warn);padding:8px 14px;margin:8px 0;
max-width:none}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;background:var(--rule);
border:1px solid var(--rule);margin:20px 0;padding:0;list-style:none}
.tiles li{background:var(--page);padding:12px}
.tiles span{display:block;font-size:12px;color:var(--soft)}
.tiles strong{display:block;font-size:19px;font-weight:600;line-height:1.3;white-space:nowrap}
.gain{color:var(--gain)}.loss{color:var(--loss)}
.scroll{overflow-x:auto;margin:12px 0}
.scroll:focus-visible{outline:2px solid var(--ours);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
caption{text-align:left;font-weight:600;padding:0 0 6px}
caption .note{display:block;font-weight:400;max-width:90ch}
th,td{padding:4px 10px;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
tr>:first-child{text-align:left;padding-left:0}
tr>:last-child{padding-right:0}
thead th{font-weight:500;color:var(--soft);font-size:12.5px;border-bottom:1px solid var(--ink);vertical-align:bottom}
tbody th{font-weight:400}
td,tbody th{white-space:nowrap}
.words td{text-align:left;white-space:normal}
.words thead th{text-align:left}
.words tbody th{padding-right:24px}
.legs td:nth-child(2),.legs th:nth-child(2),.legs td:last-child,.legs th:last-child{text-align:left}
.legs{font-size:12.5px}.legs td,.legs th{padding:4px 5px}
.shares td:last-child,.shares th:last-child{text-align:left;white-space:normal}
.shares td{padding-left:24px}.shares td:last-child{min-width:190px}.legs tr>:first-child{padding-left:0}
.heat td{text-align:right;padding:4px 8px}
.heat .year,.heat thead th:nth-child(14){font-weight:600;border-left:1px solid var(--ink)}
.gain-1{background:var(--g1)}.gain-2{background:var(--g2);color:var(--on)}.gain-3{background:var(--g3);
color:var(--on)}
.loss-1{background:var(--l1)}.loss-2{background:var(--l2);color:var(--on)}.loss-3{background:var(--l3);
color:var(--on)}
.honesty{background:var(--panel);padding:16px 20px;margin:12px 0;display:grid;
grid-template-columns:minmax(130px,190px) 1fr;gap:10px 24px}
.honesty dt{font-weight:600}.honesty dd{margin:0;max-width:74ch}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:8px 44px}
.columns>*{min-width:0}
figure{margin:16px 0 4px}
.key{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px;margin:0 0 4px}
.key b{font-weight:600;margin-right:auto}
.key i{display:inline-block;width:16px;height:3px;margin:0 6px 4px 0;vertical-align:middle;background:currentColor}
.key .hodl{color:var(--hodl)}.key .hodl em,.key .ours em{color:var(--ink);font-style:normal}
.key .ours{color:var(--ours)}.key .loss em{color:var(--ink);font-style:normal}
.read{color:var(--soft);min-height:1.5em;font-size:13px}
.chart{display:block;overflow:visible;margin-left:60px;width:calc(100% - 60px)}
.line{fill:none;stroke-width:1.4;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.line.ours{stroke:var(--ours);stroke-width:1.8}.line.hodl{stroke:var(--hodl)}
.fill{opacity:.16}.fill.ours{fill:var(--ours)}.fill.loss{fill:var(--loss);opacity:.2}
.line.loss{stroke:var(--loss)}
.grid{stroke:var(--rule)}.zero{stroke:var(--soft)}
.grid,.zero,.roll{stroke-width:1;shape-rendering:crispEdges}
text{fill:var(--ink);font-size:12px}
.tick{fill:var(--soft);font-size:11.5px}
.tick,.name,.value{paint-order:stroke;stroke:var(--page);stroke-width:3px;stroke-linejoin:round}
.bar.gain{fill:var(--gain)}.bar.loss{fill:var(--loss)}.bar.open{fill:var(--hodl)}
.bar:hover,.step:hover{opacity:.6}
.step{stroke-width:4}.step.gain{stroke:var(--gain)}.step.loss{stroke:var(--loss)}
.dot.gain{fill:var(--gain)}.dot.loss{fill:var(--loss)}
.roll{stroke:var(--soft);stroke-dasharray:2 3}
.name{font-weight:600}
.value{fill:var(--soft);font-weight:400}
.cursor{stroke:var(--soft);stroke-width:1}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
footer{margin-top:44px;border-top:1px solid var(--rule);padding-top:12px}
@media (max-width:640px){main{padding:20px 14px 40px}h1{font-size:23px}.honesty{display:block;padding:12px 14px}
.honesty dd{margin-bottom:12px}.verdict{font-size:16.5px}.wide{display:none}tbody th{white-space:normal}
td,th{padding:4px 6px}
.chart{margin-left:50px;width:calc(100% - 50px)}.tick{font-size:10.5px}.tiles{grid-template-columns:1fr 1fr}
.tiles li{padding:10px}.tiles strong{font-size:18px}}
@media print{:root{--page:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#fff;--ours:#0b5cad;--hodl:#888;
--gain:#0f7b57;
--loss:#c0392b;--warn:#000;--warned:#fff;--g1:#dff2ea;--g2:#b5e0cd;--g3:#7fc9a8;--l1:#fbe4e1;--l2:#f4bfb8;
--l3:#e88f85;
--on:#000}
main{max-width:none;padding:0}body{font-size:10.5pt}h2{break-after:avoid}
figure,tr,dl,.tiles,.columns>*{break-inside:avoid}
.tiles{grid-template-columns:repeat(3,1fr)}tbody th{white-space:normal}td,th{padding:3px 6px}.columns{gap:8px 28px}
.scroll{overflow:visible}.legs{font-size:8pt}.legs td,.legs th{padding:2px 3px}.read{display:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

SCRIPT = """
for (const chart of document.querySelectorAll('svg.lines')) {
  const of = chart.dataset, read = chart.closest('figure').querySelector('.read');
  const box = chart.querySelector('svg'), height = Number(box.getAttribute('height'));
  const lines = [...chart.querySelectorAll('polyline')].reverse().map(line => ({
    name: line.dataset.name, points: line.getAttribute('points').split(' ').map(each => each.split(',').map(Number))}));
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('y2', height);
  const places = {minimumFractionDigits: Number(of.places), maximumFractionDigits: Number(of.places)};
  chart.addEventListener('pointermove', event => {
    const at = chart.getBoundingClientRect(), share = (event.clientX - at.left) / at.width;
    if (share < 0 || share > 1) return;
    const time = new Date(Number(of.begin) + share * (of.end - of.begin));
    const said = lines.map(({name, points}) => {
      const near = points.reduce((a, b) => Math.abs(b[0] - 1000 * share) < Math.abs(a[0] - 1000 * share) ? b : a);
      const value = Number(of.low) + (height - near[1]) / (height - of.head) * (of.high - of.low);
      return name + ' ' + value.toLocaleString('en', places).replace('-', '\\u2212') + '\\u00a0' + of.unit;
    });
    read.textContent = time.toISOString().slice(0, 10) + ': about ' + said.join(', ');
    cursor.setAttribute('x1', 100 * share + '%');
    cursor.setAttribute('x2', 100 * share + '%');
    chart.append(cursor);
  });
  chart.addEventListener('pointerleave', () => { read.textContent = ''; cursor.remove(); });
}
"""


def hashed(text: str) -> str:
    """As a content security policy names an inline element."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; style-src '{hashed(STYLE)}'; script-src '{hashed(SCRIPT)}'; base-uri 'none'; "
    "form-action 'none'"
)
"""Nothing may be fetched, and no other style or script runs."""
