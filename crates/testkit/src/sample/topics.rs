//! What customers of a maker of coffee machines write about, and what the team answers. Words in braces are
//! filled in: `{machine}`, `{order}`, `{day}`, `{city}`, `{name}` (the customer's first name), `{agent}`.

/// A matter about which a customer and the team exchange mails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    /// Whose names, greetings and quoting fit.
    pub(super) language: Language,
    /// The first mail's subject.
    pub(super) subject: &'static str,
    /// The turns: the customer's first, then by turns.
    pub(super) turns: &'static [&'static str],
    /// What the customer's first mail brings along.
    pub(super) file: Option<File>,
}

/// A language of the demo's customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
    Spanish,
    Dutch,
    Japanese,
}

/// An attached file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Photo,
    Invoice,
    Table,
}

const fn topic(language: Language, subject: &'static str, turns: &'static [&'static str]) -> Topic {
    Topic { language, subject, turns, file: None }
}

const fn with(file: File, topic: Topic) -> Topic {
    Topic { file: Some(file), ..topic }
}

use Language::{Dutch, English, French, German, Japanese, Spanish};

/// All of them.
pub(super) const TOPICS: &[Topic] = &[
    topic(
        English,
        "Where is my order {order}?",
        &[
            "I ordered a {machine} on {day} (order {order}) and was told it would be here within five days. The tracking page has said \"label created\" ever since.\n\nCould you find out where it is? I am away from Thursday on, so somebody would have to sign for it.",
            "Sorry about the wait. The parcel was held back at the depot in {city} because a label came off. It has a new one now and should reach you tomorrow before noon.\n\nShall I ask the carrier to leave it with a neighbour in case you are out?",
            "That would be great, number 14 across the street takes parcels for us. Thank you for looking into it so quickly!",
            "Done, the driver has a note. Enjoy the first espresso.",
        ],
    ),
    with(
        File::Photo,
        topic(
            English,
            "{machine} leaks from underneath",
            &[
                "Since {day} my {machine} leaves a small puddle under the drip tray every time I pull a shot. I have cleaned the tray and the gasket, no change. A photo is attached.\n\nIs this something I can mend myself? It is about fourteen months old.",
                "Thanks for the picture, it makes this easy: the hose clamp behind the pump has come loose. It is a two-minute job with a pair of pliers. Unplug the machine, take off the back plate (four screws), push the clamp back over the end of the hose.\n\nIf you would rather not open it, we will have it fetched. It is under warranty for another ten months.",
                "I found the clamp and pushed it back, and it has been dry for two days now. Brilliant. Do I need to register the machine again?",
                "No need, everything stays as it is. Glad it is dry again.",
            ],
        ),
    ),
    with(
        File::Invoice,
        topic(
            English,
            "Invoice {order}: VAT number is missing",
            &[
                "Our accounts department has sent invoice {order} back, since our VAT number isn't on it. Could you issue a corrected one? The number is GB 284 7719 06.\n\nThe original is attached for reference.",
                "The corrected invoice goes out today under the same number with the suffix A, dated {day}. You don't need to pay anything again; please just replace the old document.",
                "Received, thank you. Accounts are happy.",
            ],
        ),
    ),
    topic(
        English,
        "Quote for twelve {machine} for our offices",
        &[
            "We are fitting out three floors of our office in {city} and are looking at twelve {machine}. Could you send us a quote including delivery, installation and a maintenance plan for three years?\n\nWe would like to decide by the end of the month. It would help to see one in use first, if there is a showroom near us.",
            "Thank you for thinking of us. For twelve machines we offer 14 % off the list price, delivery and installation included. The three-year plan is 29 per machine and month and covers two services a year, parts and a replacement machine within 48 hours.\n\nOur partner in {city} has the {machine} in the showroom. Would Tuesday or Wednesday next week suit you?",
            "Wednesday at 10 would be perfect, there will be two of us. Is the 14 % negotiable if we take the plan for five years?",
        ],
    ),
    topic(
        English,
        "Descaling light won't go off",
        &[
            "I descaled my {machine} exactly as the manual says, twice, and the orange light is still on. What am I missing?",
            "Most likely the programme ended before the rinse was through. Please hold both buttons for six seconds until they blink by turns, fill the tank to the top and let the whole litre run. The light goes off after the last drop.",
            "That was it. Maybe the manual should say \"the whole litre\" in bold!",
        ],
    ),
    topic(
        English,
        "Cancel order {order} please",
        &[
            "Please cancel my order {order}. I ordered the {machine} in white but only now saw that it isn't delivered before {day}, and it was to be a birthday present.",
            "It is cancelled, and the money is on its way back to your card; that takes two to four days. If it helps: the same machine in graphite is in stock and would arrive on time.",
            "Oh, graphite would do very well too. Can you turn the order around instead?",
        ],
    ),
    topic(
        English,
        "Subscription: two bags instead of one",
        &[
            "We go through beans much faster than we thought. Could you change our subscription to two bags of the dark roast every fortnight, starting with the next delivery?",
            "Changed: two bags of 1 kg, every second Monday. The next parcel leaves on {day}.",
        ],
    ),
    topic(
        English,
        "Wrong grinder delivered",
        &[
            "The parcel with order {order} arrived today, but in it was the small hand grinder instead of the electric one. The delivery note lists the right one. How do we go about swapping it?",
            "I am sorry, that was mixed up in our warehouse. The right one leaves today. Please keep the hand grinder, with our apologies.",
            "That is very generous, thank you. We will take it camping.",
        ],
    ),
    topic(
        English,
        "Does the {machine} work with 110 volts?",
        &[
            "We are moving to the United States in spring and would hate to leave our {machine} behind. Does it run on 110 volts, or is there a kit?",
            "The {machine} has a heating element for 230 volts and can't be changed over safely, I am afraid. A transformer of 2 kW would do, but costs about half a new machine. We take yours in part exchange if you like.",
        ],
    ),
    with(
        File::Table,
        topic(
            English,
            "Spare parts list for our workshop",
            &[
                "Attached is what we need for the second half of the year. Could you check availability and give us your prices for it? The seals are the most urgent.",
                "All but the last two lines are in stock. Those come in on {day}. Prices as in last year's agreement; I will send the order confirmation in the afternoon.",
                "Perfect, please go ahead with everything, part deliveries are fine.",
            ],
        ),
    ),
    topic(
        English,
        "Complaint about the service visit on {day}",
        &[
            "Your engineer was due between 9 and 12. He came at 4 in the afternoon, without the part, and left after five minutes. I had taken the day off for this.\n\nI expect somebody to call me, and I would like to know what you are going to do about it.",
            "You are right to be annoyed, and I apologise. The part had been put into the wrong van, and nobody told you. I have booked the first appointment of the day for you, with the part confirmed in the van, and taken the visit off the bill. My direct line is in the signature.",
            "Thank you for a straight answer. 8 o'clock works for me.",
        ],
    ),
    topic(
        English,
        "Training for our new baristas",
        &[
            "We open a second café in {city} next month and have four people who never stood behind a machine. Do you still run the one-day course, and would you come to us?",
            "We do, and we would. For four people it makes sense to hold it at yours: one day, beans and milk included. Which weekday is quiet for you?",
            "Mondays we are closed, so any Monday from the 9th on.",
            "Monday the 16th is yours then. You will get a confirmation with the programme.",
        ],
    ),
    topic(
        English,
        "Login to the customer portal fails",
        &[
            "The portal tells me \"account not found\" although I could sign in last week with this very address. I need the certificate of the last safety check by Friday.",
            "Your account was merged with that of your colleague in accounts, which took your sign-in along. It is separate again; please use \"forgotten password\" once. The certificate is attached to the machine's page.",
            "I'm in, and found it. Thanks!",
        ],
    ),
    topic(
        English,
        "Thinking of going back to filter coffee",
        &[
            "Only half joking. Since the update the {machine} takes two minutes until the first cup, it used to be one. Is that on purpose?",
            "Not on purpose in your case: the update set \"eco start\" for everyone. Menu, Settings, Start: choose \"fast\" and it is back to under a minute.",
        ],
    ),
    topic(
        German,
        "Rückfrage zur Bestellung {order}",
        &[
            "ich habe am {day} einen {machine} bestellt (Nr. {order}) und bisher nur die Eingangsbestätigung erhalten. Können Sie mir sagen, wann das Gerät verschickt wird? Die Lieferung müsste bitte an unsere Büroadresse in {city} gehen, nicht nach Hause.",
            "das Gerät geht morgen auf den Weg, und zwar an die Büroadresse; ich habe sie eben geändert. Sie bekommen noch heute den Link zur Sendungsverfolgung.",
            "wunderbar, vielen Dank für die schnelle Hilfe!",
        ],
    ),
    with(
        File::Photo,
        topic(
            German,
            "Mahlwerk blockiert – Garantiefall?",
            &[
                "seit gestern brummt das Mahlwerk unserer {machine} nur noch. Gereinigt haben wir es schon, ohne Erfolg. Auf dem Foto sieht man, dass der obere Mahlring schief sitzt. Das Gerät ist acht Monate alt. Fällt das unter die Garantie?",
                "ja, das ist ein Garantiefall. Ich schicke Ihnen den Mahlring und einen Schlüssel zu, der Tausch dauert zehn Minuten. Wenn Sie es lieber nicht selbst machen möchten, holen wir die Maschine ab und Sie bekommen so lange ein Leihgerät.",
                "den Ring tauschen wir selbst, kein Problem. Wohin mit dem alten Teil?",
                "der darf in den Metallschrott. Gutes Gelingen!",
            ],
        ),
    ),
    topic(
        German,
        "Angebot für Wartungsvertrag",
        &[
            "wir betreiben inzwischen sieben Ihrer Maschinen in drei Filialen (Köln, Düsseldorf, Münster). Bitte machen Sie uns ein Angebot für einen Wartungsvertrag über zwei Jahre, möglichst mit Reaktionszeit unter 24 Stunden.",
            "für sieben Maschinen kann ich Ihnen 24 € je Gerät und Monat anbieten, mit Reaktion am nächsten Werktag. Unter 24 Stunden auch am Wochenende wären es 31 €. Soll ich beides schriftlich schicken?",
            "bitte beides, dann entscheiden wir in der Runde am Montag.",
        ],
    ),
    topic(
        German,
        "Rechnung {order} doppelt abgebucht",
        &[
            "auf meinem Konto wurde die Rechnung {order} zweimal abgebucht. Bitte überweisen Sie einen der Beträge zurück.",
            "das war ein Fehler bei uns, bitte entschuldigen Sie. Der Betrag ist heute zurücküberwiesen worden und sollte am {day} bei Ihnen sein.",
        ],
    ),
    topic(
        French,
        "Retard de livraison, commande {order}",
        &[
            "J'ai commandé une {machine} le {day} et je n'ai toujours rien reçu. Le suivi indique « en préparation » depuis une semaine. Pourriez-vous me donner une date ? J'en ai besoin pour l'ouverture de notre café à {city}.",
            "Toutes nos excuses pour ce retard : la machine attendait une pièce. Elle part aujourd'hui et sera chez vous jeudi. Les frais de port vous sont remboursés.",
            "Parfaitement, merci beaucoup pour votre réponse rapide. À jeudi donc !",
        ],
    ),
    topic(
        French,
        "Détartrage : quel produit utiliser ?",
        &[
            "Peut-on utiliser du vinaigre blanc pour détartrer la {machine} ? La notice n'est pas très claire là-dessus, et l'eau est très calcaire chez nous.",
            "Surtout pas de vinaigre, il abîme les joints. Notre produit ou de l'acide citrique (20 g par litre, à froid) conviennent très bien. Avec une eau dure, comptez un détartrage toutes les six semaines.",
        ],
    ),
    with(
        File::Invoice,
        topic(
            French,
            "Facture {order} à corriger",
            &[
                "L'adresse sur la facture ci-jointe n'est pas la bonne : nous avons déménagé à {city} au printemps. Pouvez-vous nous la renvoyer corrigée ?",
                "C'est fait, vous trouverez la facture corrigée dans votre espace client. J'ai aussi mis à jour l'adresse de livraison.",
                "Merci, c'est parfait.",
            ],
        ),
    ),
    topic(
        Spanish,
        "Consulta sobre la garantía",
        &[
            "Compré una {machine} hace casi dos años y desde ayer no calienta bien la leche. ¿Sigue en garantía? ¿Hay algún servicio técnico en {city}?",
            "Sí, la garantía es de tres años. En {city} trabaja con nosotros un taller que puede pasar a recogerla mañana por la mañana. ¿Le viene bien?",
            "Mañana por la mañana estoy en casa. ¡Muchas gracias por la ayuda!",
        ],
    ),
    topic(
        Spanish,
        "¿Hacen envíos a las Canarias?",
        &[
            "Me interesa la {machine}, pero en la página no puedo elegir mi dirección en Tenerife. ¿Hacen envíos a las islas, y cuánto cuestan?",
            "Sí, enviamos a las islas por barco: tarda unos diez días y cuesta 35 €. Le preparo el pedido si me confirma el color.",
        ],
    ),
    topic(
        Dutch,
        "Vraag over bestelling {order}",
        &[
            "Vorige week heb ik een {machine} besteld, maar ik zie nu dat ik het verkeerde adres heb opgegeven. Kan de bestelling nog naar {city} gestuurd worden?",
            "Dat is gelukt, het adres is aangepast. De machine wordt op {day} bezorgd.",
            "Super, dank je wel!",
        ],
    ),
    topic(
        Japanese,
        "{machine}の修理について",
        &[
            "お世話になっております。先月購入した{machine}ですが、昨日からスチームが出なくなりました。保証期間内かと思いますので、修理をお願いできますでしょうか。注文番号は{order}です。",
            "ご連絡ありがとうございます。ご不便をおかけし申し訳ございません。保証期間内ですので、無料で修理いたします。明日、引き取りの手配をいたします。",
            "早速のご対応ありがとうございます。よろしくお願いいたします。",
        ],
    ),
];
