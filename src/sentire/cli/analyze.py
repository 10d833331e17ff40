"""``sentire analyze``: texts, files and databases in, predictions out."""

from pathlib import Path
from typing import get_args

import click

from sentire.cli.deferred import DeferredCommand
from sentire.io.names import InputFormat
from sentire.types import Engine

_EXAMPLES = """
\b
Examples:
  sentire analyze "I absolutely love it"              one text
  sentire analyze -i reviews.csv -o scored.parquet    a file; the text column is found
  sentire analyze -i reviews.xlsx --sheet 2 -o scored.csv   a sheet of a workbook
  sentire analyze -i big.jsonl.gz -o out.csv --resume go on after an interruption
  cat lines.txt | sentire analyze > out.jsonl         one text a line
  sentire analyze -i sqlite:///shop.db --query "SELECT id, text FROM reviews ORDER BY id"

\b
例子:
  sentire analyze "房间很大，但是服务太差了。" --sentences   一段文本，并逐句分析
  sentire analyze -i 评论.csv --text-column 评论 -o 结果.csv   指定文本列
  sentire analyze -i 评论.xlsx --sheet 五月 -o 结果.csv   Excel 工作簿中的一个工作表
  sentire analyze -i 旧文件.txt --encoding gb18030 -o 结果.jsonl   指定编码

Exit codes: 0 all scored, 1 an error of ours, 2 wrong usage or an input that can't be read,
3 done but some rows carry errors, 130 interrupted.
"""


@click.command(cls=DeferredCommand, work="sentire.cli.scoring:analyze", epilog=_EXAMPLES)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "-i",
    "--input",
    "given",
    metavar="FILE|-|URL",
    help="CSV, TSV, Excel, JSON, JSON Lines, Parquet or plain lines, also .gz and .zst; - is "
    "stdin; or a database's URL.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the answers go; its extension names the format.  [default: stdout]",
)
@click.option("--query", metavar="SQL", help="The SELECT to read from a database.")
@click.option(
    "--text-column",
    metavar="C",
    help="Column to score; a key in another is outer.inner.  [default: the obvious one]",
)
@click.option("--sentences", is_flag=True, help="Also score each sentence.")
@click.option("--emotion", is_flag=True, help="Also tell the emotion.")
@click.option(
    "--model",
    metavar="M",
    help="Model name, name@version, or a bundle's folder.  [default: the built-in one]",
)
@click.option(
    "--engine",
    type=click.Choice(get_args(Engine)),
    default="openvino",
    show_default=True,
    help="What runs the model.",
)
@click.option(
    "--on-long",
    type=click.Choice(["window", "truncate", "error"]),
    default="window",
    show_default=True,
    help="What to do with a text longer than the model reads at once.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "jsonl", "csv", "tsv", "parquet", "xlsx"]),
    help="Output format.  [default: by extension; table on a terminal, jsonl in a pipe]",
)
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped.")
@click.option("--force", is_flag=True, help="Replace an output file that is there.")
@click.option("--no-bom", is_flag=True, help="Leave out the byte-order mark that Excel needs.")
@click.option("--encoding", metavar="E", help="Of a text file.  [default: detected]")
@click.option(
    "--input-format",
    type=click.Choice(get_args(InputFormat)),
    help="Input format.  [default: by extension; lines from stdin]",
)
@click.option(
    "--sheet",
    metavar="NAME|NUMBER",
    help="Sheet of an Excel workbook, by its name or from 1 on.  [default: the first]",
)
@click.option(
    "--no-header",
    is_flag=True,
    help="The first row of CSV, TSV or Excel is no names of columns but a text.",
)
@click.option(
    "--keep-na",
    is_flag=True,
    help="Score cells such as NaN, null, N/A, None and #REF! as texts, not as missing ones.",
)
def analyze() -> None:
    """Tell the sentiment of Chinese and English text: negative, neutral or positive.

    Give texts as arguments, name an input with -i, or pipe text in. A single argument that is a
    file, is named as one, such as reviews.csv, or is a URL is read as an input.
    """
