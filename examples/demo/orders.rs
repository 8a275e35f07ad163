//! Made-up orders, so that there is something to look at. Each user sees their own few.

use chrono::{DateTime, TimeDelta, Utc};

pub struct Line {
    pub article: &'static str,
    pub quantity: u32,
    cents: u32,
}

struct Template {
    number: &'static str,
    days_ago: i64,
    stage: Stage,
    deliver_to: &'static str,
    lines: &'static [Line],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Packing,
    OnTheWay,
    Delivered,
}

/// An order as the pages show it.
pub struct Order {
    pub number: &'static str,
    pub placed: String,
    pub expected: String,
    pub status: &'static str,
    /// The name of its colour in the style sheet.
    pub tone: &'static str,
    pub deliver_to: &'static str,
    pub lines: Vec<PricedLine>,
    pub total: String,
    stage: Stage,
    cents: u32,
}

pub struct PricedLine {
    pub article: &'static str,
    pub quantity: u32,
    pub price: String,
}

/// The three figures above the list.
pub struct Summary {
    pub open: usize,
    pub on_the_way: usize,
    pub spent: String,
}

const fn line(article: &'static str, quantity: u32, cents: u32) -> Line {
    Line { article, quantity, cents }
}

const ALL: [Template; 7] = [
    Template {
        number: "NW-20431",
        days_ago: 1,
        stage: Stage::Packing,
        deliver_to: "Dock 4, Harbour Street 18, Gothenburg",
        lines: &[line("Oak crate, 40 × 60 cm", 12, 3_450), line("Jute strap, 2 m", 48, 220)],
    },
    Template {
        number: "NW-20418",
        days_ago: 3,
        stage: Stage::OnTheWay,
        deliver_to: "Goods-in, Mill Lane 2, Bergen",
        lines: &[line("Pallet wrap, recycled", 20, 1_890)],
    },
    Template {
        number: "NW-20397",
        days_ago: 6,
        stage: Stage::OnTheWay,
        deliver_to: "Dock 4, Harbour Street 18, Gothenburg",
        lines: &[
            line("Label printer, thermal", 2, 18_900),
            line("Labels, 100 × 150 mm, 500 pcs", 30, 1_240),
            line("Ink-free ribbon", 6, 990),
        ],
    },
    Template {
        number: "NW-20344",
        days_ago: 13,
        stage: Stage::Delivered,
        deliver_to: "Reception, Linden Square 7, Aarhus",
        lines: &[line("Shelf unit, steel, 5 tiers", 4, 12_900)],
    },
    Template {
        number: "NW-20310",
        days_ago: 19,
        stage: Stage::Delivered,
        deliver_to: "Goods-in, Mill Lane 2, Bergen",
        lines: &[line("Hand scanner, wireless", 3, 14_750), line("Charging cradle", 3, 3_900)],
    },
    Template {
        number: "NW-20286",
        days_ago: 24,
        stage: Stage::Delivered,
        deliver_to: "Dock 4, Harbour Street 18, Gothenburg",
        lines: &[line("Corner protectors, 200 pcs", 10, 2_150)],
    },
    Template {
        number: "NW-20251",
        days_ago: 31,
        stage: Stage::Delivered,
        deliver_to: "Reception, Linden Square 7, Aarhus",
        lines: &[line("Trolley, folding", 2, 8_990)],
    },
];

/// Five of the seven; which two are missing depends on the user.
pub fn of(subject: &str, now: DateTime<Utc>) -> Vec<Order> {
    let skip = subject.bytes().map(usize::from).sum::<usize>() % (ALL.len() - 1);
    let kept = ALL.iter().enumerate().filter(|(at, _)| *at != skip && *at != skip + 1);
    kept.map(|(_, template)| order(template, now)).collect()
}

pub fn summary(orders: &[Order]) -> Summary {
    Summary {
        open: orders.iter().filter(|order| order.stage != Stage::Delivered).count(),
        on_the_way: orders.iter().filter(|order| order.stage == Stage::OnTheWay).count(),
        spent: euros(orders.iter().map(|order| order.cents).sum()),
    }
}

fn order(template: &Template, now: DateTime<Utc>) -> Order {
    let placed = now - TimeDelta::days(template.days_ago);
    let day = |at: DateTime<Utc>| at.format("%-d %b %Y").to_string();
    let cents = template.lines.iter().map(|line| line.quantity * line.cents).sum();
    let (status, tone) = match template.stage {
        Stage::Packing => ("Being packed", "waiting"),
        Stage::OnTheWay => ("On the way", "moving"),
        Stage::Delivered => ("Delivered", "done"),
    };
    let priced = |line: &Line| PricedLine {
        article: line.article,
        quantity: line.quantity,
        price: euros(line.quantity * line.cents),
    };
    Order {
        number: template.number,
        placed: day(placed),
        expected: day(placed + TimeDelta::days(8)),
        status,
        tone,
        deliver_to: template.deliver_to,
        lines: template.lines.iter().map(priced).collect(),
        total: euros(cents),
        stage: template.stage,
        cents,
    }
}

fn euros(cents: u32) -> String {
    let (euros, rest) = (cents / 100, cents % 100);
    match euros / 1000 {
        0 => format!("€{euros}.{rest:02}"),
        thousands => format!("€{thousands},{:03}.{rest:02}", euros % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_has_five_orders_and_the_same_ones_each_time() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        for subject in ["", "usr_alice", "auth0|123", "ü"] {
            let numbers =
                |orders: Vec<Order>| orders.iter().map(|it| it.number).collect::<Vec<_>>();
            let first = numbers(of(subject, now));
            assert_eq!(first.len(), 5, "{subject}");
            assert_eq!(first, numbers(of(subject, now)));
        }
    }

    #[test]
    fn money_is_written_as_people_write_it() {
        assert_eq!(euros(5), "€0.05");
        assert_eq!(euros(99_999), "€999.99");
        assert_eq!(euros(128_400), "€1,284.00");
    }
}
