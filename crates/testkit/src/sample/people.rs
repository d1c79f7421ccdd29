//! Names of the demo's customers and of where they work. None of the domains exists (RFC 2606).

use super::topics::Language;

/// First names and last names of a language.
pub(super) const fn names(language: Language) -> (&'static [&'static str], &'static [&'static str]) {
    match language {
        Language::English => (
            &[
                "Grace", "Oliver", "Amelia", "Noah", "Priya", "Liam", "Zoë", "Marcus", "Hannah", "Kwame",
                "Ruth", "Daniel", "Aisha", "Patrick", "Eleanor", "Samuel", "Nadia", "George", "Imogen",
                "Theo",
            ],
            &[
                "Hughes",
                "Okafor",
                "Bennett",
                "Sharma",
                "Fletcher",
                "O'Brien",
                "Whitfield",
                "Chen",
                "Mensah",
                "Lindqvist",
                "Palmer",
                "Adeyemi",
                "Rowe",
                "Kaminski",
                "Barlow",
                "Delgado",
                "Nakamura",
                "Frost",
                "Haddad",
                "Sutton",
            ],
        ),
        Language::German => (
            &[
                "Jürgen",
                "Katharina",
                "Sören",
                "Annika",
                "Björn",
                "Ulrike",
                "Maximilian",
                "Heike",
                "Jörg",
                "Lena",
            ],
            &[
                "Müller",
                "Weiß",
                "Schäfer",
                "Brandstätter",
                "Köhler",
                "Vogt",
                "Groß",
                "Lübbers",
                "Hoffmann",
                "Yıldız",
            ],
        ),
        Language::French => (
            &["Hélène", "François", "Amélie", "Loïc", "Chloé", "Benoît", "Zoé", "Jérôme"],
            &["Lefèvre", "Dubois", "Fournier", "Gérard", "Benali", "Moreau", "Château", "Roussel"],
        ),
        Language::Spanish => (
            &["Íñigo", "Lucía", "Andrés", "Begoña", "Raúl", "Inés"],
            &["Núñez", "García", "Ibáñez", "Peña", "Muñoz", "Castaño"],
        ),
        Language::Dutch => {
            (&["Sanne", "Joost", "Maaike", "Thijs"], &["de Vries", "van Dijk", "Bakker", "Jansen"])
        }
        Language::Japanese => (&["美咲", "健太", "陽子", "翔"], &["佐藤", "鈴木", "高橋", "田中"]),
    }
}

/// The same names as they stand in an address.
pub(super) fn plain(name: &str) -> String {
    let latin = match name {
        "美咲" => "misaki",
        "健太" => "kenta",
        "陽子" => "yoko",
        "翔" => "sho",
        "佐藤" => "sato",
        "鈴木" => "suzuki",
        "高橋" => "takahashi",
        "田中" => "tanaka",
        other => other,
    };
    let mut out = String::new();
    for letter in latin.to_lowercase().chars() {
        match letter {
            'ä' | 'á' | 'â' | 'à' => out.push('a'),
            'ö' | 'ó' | 'ô' => out.push('o'),
            'ü' | 'ú' | 'û' => out.push('u'),
            'ß' => out.push_str("ss"),
            'é' | 'è' | 'ê' | 'ë' => out.push('e'),
            'í' | 'î' | 'ï' | 'ı' => out.push('i'),
            'ñ' => out.push('n'),
            'ç' => out.push('c'),
            'a'..='z' | '0'..='9' => out.push(letter),
            _ => {}
        }
    }
    out
}

/// Where customers write from.
pub(super) const DOMAINS: &[&str] = &[
    "northgate.example",
    "brewhouse.example",
    "corner-cafe.example",
    "hotel-aurora.example",
    "lakeside.example",
    "mail.example",
    "post.example",
    "inbox.example",
    "atelier-nord.example",
    "rivera-legal.example",
    "studio-eleven.example",
    "bakkerij.example",
];

/// Cities of a language.
pub(super) const fn cities(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => &["Leeds", "Bristol", "Dublin", "Glasgow", "Norwich", "Cardiff"],
        Language::German => &["Köln", "Münster", "Zürich", "Graz", "Lübeck", "Würzburg"],
        Language::French => &["Besançon", "Lyon", "Genève", "Nîmes"],
        Language::Spanish => &["A Coruña", "Cádiz", "Málaga", "Logroño"],
        Language::Dutch => &["Utrecht", "Groningen", "Gent"],
        Language::Japanese => &["京都", "横浜", "札幌"],
    }
}

/// The machines that the company of the demo makes.
pub(super) const MACHINES: &[&str] =
    &["Kestrel One", "Kestrel Duo", "Kestrel Pro 2", "Merlin", "Merlin Office", "Harrier S"];
