//! Photos over time, as bars, and as a table for who does not see them.

use maud::{Markup, html};

use super::look::{Look, SPANS};
use crate::{
    console::{
        layout::{moment, number},
        visit::Visit,
        words::Overview,
    },
    journal::Moment,
};

/// The drawing's size, in units of its own: it is stretched to the room there is.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 100;

/// What is counted: a word for the style, what it is called, and how to count it.
type Series = (&'static str, &'static str, fn(&Moment) -> u64);

/// The charts, the choice of how far back they go, and the table behind them.
pub(super) fn over_time(visit: &Visit, look: &Look) -> Markup {
    let words = &visit.words.overview;
    let all: [Series; 3] = [
        ("received", words.received, |step| step.received),
        ("delivered", words.delivered, |step| step.delivered),
        ("held", words.was_held, |step| step.held),
    ];
    html! {
        div.title {
            h2 { (words.over_time) }
            nav.spans aria-label=(words.span) {
                ul {
                    @for (span, _) in SPANS {
                        @let here = (span == look.span).then_some("true");
                        li {
                            a href={ "/?span=" (span) } aria-current=[here] {
                                (words.span_of(span))
                            }
                        }
                    }
                }
            }
        }
        div.charts { @for series in all { (bars(words, look, series)) } }
        details #numbers {
            summary { (words.numbers) }
            (table(words, look.steps(), all))
        }
    }
}

fn bars(words: &Overview, look: &Look, (kind, name, count): Series) -> Markup {
    let values: Vec<u64> = look.steps().iter().map(count).collect();
    let (sum, most) = (values.iter().sum::<u64>(), values.iter().copied().max().unwrap_or(0));
    let each = WIDTH / u64::try_from(values.len().max(1)).unwrap_or(1);
    let said = (words.said)(name, sum, words.span_of(look.span), most);
    html! {
        figure.chart data-kind=(kind) {
            figcaption { span.label { (name) } span.number { (number(sum)) } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label=(said) {
                @for (at, value) in (0_u64..).zip(&values) {
                    @let high = bar(*value, most);
                    rect x=(at * each + 1) y=(HEIGHT - high) width=(each.saturating_sub(2))
                        height=(high) {}
                }
            }
            div.axis {
                @if let Some(first) = look.steps().first() { span { (moment(first.at)) } }
                span { (words.now) }
            }
        }
    }
}

/// How high a bar is: one that stands for anything is seen.
fn bar(value: u64, most: u64) -> u64 {
    if value == 0 { 0 } else { (value * HEIGHT).div_ceil(most.max(1)).max(3) }
}

fn table(words: &Overview, steps: &[Moment], all: [Series; 3]) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label=(words.numbers) {
            table {
                thead {
                    tr {
                        th scope="col" { (words.since_when) }
                        @for (_, name, _) in all { th.n scope="col" { (name) } }
                    }
                }
                tbody {
                    @for step in steps.iter().rev() {
                        tr {
                            th scope="row" { (moment(step.at)) }
                            @for (_, _, count) in all { td.n { (number(count(step))) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_and_none_that_stands_for_something_is_too_low_to_see() {
        assert_eq!((bar(0, 0), bar(0, 9), bar(9, 9)), (0, 0, HEIGHT));
        assert_eq!((bar(1, 100_000), bar(1, 2)), (3, 50));
    }
}
