use super::*;
use crate::{fault::Fault, field_text::MAX_URL, ids::CustomFieldId};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

fn definition(n: u128, key: &str, field_type: FieldType) -> Definition {
    let options =
        if field_type.has_options() { vec!["Basic".into(), "Pro".into(), "Team".into()] } else { vec![] };
    let id = CustomFieldId(Uuid::from_u128(n));
    Definition {
        id,
        entity: Entity::Contact,
        key: key.into(),
        label: key.into(),
        field_type,
        options,
        required: false,
    }
}

/// One field of each type, named for it.
fn all() -> Vec<Definition> {
    (1..).zip(FieldType::ALL).map(|(n, field_type)| definition(n, field_type.as_str(), field_type)).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "so that calls read as what they pass")]
fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// What a value becomes in a field of this type, or what is wrong with it.
#[expect(clippy::needless_pass_by_value, reason = "so that calls read as what they pass")]
fn saved(field_type: FieldType, value: Value) -> Result<Value, Fault> {
    let (definitions, key) = (all(), field_type.as_str());
    let id = definitions.iter().find(|one| one.field_type == field_type).unwrap().id.to_string();
    match merge(&definitions, &Map::new(), &object(json!({ key: value })), Occasion::Edit) {
        Ok(values) => Ok(values.get(&id).cloned().unwrap_or_default()),
        Err(faults) => {
            assert_eq!(
                (faults.len(), faults[0].pointer.as_str()),
                (1, format!("/custom_fields/{key}").as_str())
            );
            Err(faults[0].fault)
        }
    }
}

#[test]
fn every_type_keeps_its_own_values_and_refuses_others() {
    use Fault::{InvalidCharacter, InvalidEmail, InvalidType, InvalidValue, OutOfRange, Required, TooLong};
    use FieldType::{Boolean, Date, Email, LongText, MultiSelect, Number, Phone, Select, Text, Url};
    for (field_type, value, expected) in [
        (Text, json!("  Anna مرحبا 👩‍👩‍👧 e\u{301}\u{200f} "), Ok(json!("Anna مرحبا 👩‍👩‍👧 e\u{301}\u{200f}"))),
        (Text, json!("a\nb"), Err(InvalidCharacter)),
        (Text, json!("a\0b"), Err(InvalidCharacter)),
        (Text, json!("a\u{2028}b"), Err(InvalidCharacter)),
        (Text, json!("   "), Err(Required)),
        (Text, json!("ж".repeat(MAX_TEXT)), Ok(json!("ж".repeat(MAX_TEXT)))),
        (Text, json!("ж".repeat(MAX_TEXT + 1)), Err(TooLong)),
        (Text, json!(5), Err(InvalidType)),
        (Text, json!(["a"]), Err(InvalidType)),
        (LongText, json!(" a\r\n\tb "), Ok(json!(" a\r\n\tb "))),
        (LongText, json!("a\u{7}"), Err(InvalidCharacter)),
        (LongText, json!("\n\n"), Err(Required)),
        (LongText, json!("x".repeat(MAX_LONG_TEXT + 1)), Err(TooLong)),
        (LongText, json!({}), Err(InvalidType)),
        (Number, json!(3), Ok(json!(3))),
        (Number, json!(3.0), Ok(json!(3))),
        (Number, json!(-0.0), Ok(json!(0))),
        (Number, json!(-2.5), Ok(json!(-2.5))),
        (Number, json!(MAX_NUMBER), Ok(json!(MAX_NUMBER))),
        (Number, json!(MAX_NUMBER + 1), Err(OutOfRange)),
        (Number, json!(-MAX_NUMBER - 1), Err(OutOfRange)),
        (Number, json!(u64::MAX), Err(OutOfRange)),
        (Number, json!(1e300), Err(OutOfRange)),
        (Number, json!("3"), Err(InvalidType)),
        (Number, json!("NaN"), Err(InvalidType)),
        (Number, json!(true), Err(InvalidType)),
        (Date, json!("2024-02-29"), Ok(json!("2024-02-29"))),
        (Date, json!("2024-02-30"), Err(InvalidValue)),
        (Date, json!("tomorrow"), Err(InvalidValue)),
        (Date, json!("2024-02-29T00:00:00Z"), Err(InvalidValue)),
        (Date, json!(20_240_229), Err(InvalidType)),
        (Boolean, json!(false), Ok(json!(false))),
        (Boolean, json!("true"), Err(InvalidType)),
        (Boolean, json!(1), Err(InvalidType)),
        (Select, json!("Pro"), Ok(json!("Pro"))),
        (Select, json!("pro"), Err(InvalidValue)),
        (Select, json!(""), Err(InvalidValue)),
        (Select, json!(["Pro"]), Err(InvalidType)),
        (MultiSelect, json!(["Team", "Basic", "Team"]), Ok(json!(["Basic", "Team"]))),
        (MultiSelect, json!([]), Ok(Value::Null)),
        (MultiSelect, json!(["Pro", "Gold"]), Err(InvalidValue)),
        (MultiSelect, json!(["Pro", 1]), Err(InvalidType)),
        (MultiSelect, json!("Pro"), Err(InvalidType)),
        (Url, json!(" https://müller.example/a?b=c#d "), Ok(json!("https://müller.example/a?b=c#d"))),
        (Url, json!("HTTP://example.com"), Ok(json!("HTTP://example.com"))),
        (Url, json!("javascript:alert(1)"), Err(InvalidValue)),
        (Url, json!("javascript://example.com/%0aalert(1)"), Err(InvalidValue)),
        (Url, json!("data:text/html,x"), Err(InvalidValue)),
        (Url, json!("ftp://example.com"), Err(InvalidValue)),
        (Url, json!("https://"), Err(InvalidValue)),
        (Url, json!("https://ann:pw@example.com"), Err(InvalidValue)),
        (Url, json!("https://bank.example@evil.example"), Err(InvalidValue)),
        (Url, json!("example.com"), Err(InvalidValue)),
        (Url, json!("https://exa mple.com"), Err(InvalidCharacter)),
        (Url, json!("https://example.com/\u{202e}gpj.exe"), Err(InvalidCharacter)),
        (Url, json!(format!("https://example.com/{}", "a".repeat(MAX_URL))), Err(TooLong)),
        (Email, json!("Ann@Example.com"), Ok(json!("ann@example.com"))),
        (Email, json!("ann@"), Err(InvalidEmail)),
        (Email, json!("ann\u{200b}@example.com"), Err(InvalidEmail)),
        (Email, json!("ann@example.com\r\nBcc: x@y.example"), Err(InvalidEmail)),
        (Phone, json!("+49 (40) 123-456 ext. 7"), Ok(json!("+49 (40) 123-456 ext. 7"))),
        (Phone, json!("٠١٢٣٤٥"), Ok(json!("٠١٢٣٤٥"))),
        (Phone, json!("call me"), Err(InvalidValue)),
        (Phone, json!("+49 40 <b>1</b>"), Err(InvalidValue)),
        (Phone, json!("12345\u{202e}6789"), Err(InvalidCharacter)),
        (Phone, json!("1".repeat(51)), Err(TooLong)),
        (Phone, json!(491_234), Err(InvalidType)),
    ] {
        assert_eq!(saved(field_type, value.clone()), expected, "{field_type:?} {value}");
    }
}

#[test]
fn null_clears_and_what_is_not_mentioned_stays() {
    let definitions = all();
    let stored = merge(
        &definitions,
        &object(json!({"01890000-0000-7000-8000-000000000000": "of a removed definition"})),
        &object(json!({"text": "a", "number": 1})),
        Occasion::Creation,
    )
    .unwrap();
    assert_eq!(stored.len(), 3);
    let after =
        merge(&definitions, &stored, &object(json!({"text": null, "date": "2024-01-01"})), Occasion::Edit)
            .unwrap();
    let value = |n: u128| after.get(&Uuid::from_u128(n).to_string());
    assert_eq!((value(1), value(3), value(4)), (None, Some(&json!(1)), Some(&json!("2024-01-01"))));
    assert_eq!(after["01890000-0000-7000-8000-000000000000"], "of a removed definition");
}

#[test]
fn a_removed_definitions_value_comes_not_back_with_its_key() {
    let old = definition(1, "plan", FieldType::Text);
    let stored = merge(&[old], &Map::new(), &object(json!({"plan": "Gold"})), Occasion::Edit).unwrap();
    let anew = definition(2, "plan", FieldType::Text);
    let after =
        merge(std::slice::from_ref(&anew), &stored, &object(json!({"plan": "Tin"})), Occasion::Edit).unwrap();
    assert_eq!(after.get(&anew.id.to_string()), Some(&json!("Tin")));
    assert_eq!(after.get(&Uuid::from_u128(1).to_string()), Some(&json!("Gold")), "kept, under its own id");
}

#[test]
fn what_is_required_is_there_from_the_beginning_and_stays() {
    let mut plan = definition(1, "plan", FieldType::MultiSelect);
    plan.required = true;
    let definitions = [plan.clone()];
    let try_it = |stored: Value, patch: Value, occasion| {
        merge(&definitions, &object(stored), &object(patch), occasion)
            .map_err(|faults| faults.into_iter().map(|one| (one.pointer, one.fault)).collect::<Vec<_>>())
    };
    let needed = vec![("/custom_fields/plan".to_owned(), Fault::Required)];
    for nothing in [json!({}), json!({"plan": null}), json!({"plan": []})] {
        assert_eq!(try_it(json!({}), nothing, Occasion::Creation), Err(needed.clone()));
    }
    let held = json!({ plan.id.to_string(): ["Pro"] });
    for clearing in [json!({"plan": null}), json!({"plan": []})] {
        assert_eq!(try_it(held.clone(), clearing, Occasion::Edit), Err(needed.clone()));
    }
    assert_eq!(try_it(json!({}), json!({}), Occasion::Edit), Ok(Map::new()), "an older thing may lack it");
    assert_eq!(try_it(json!({}), json!({"plan": null}), Occasion::Edit), Ok(Map::new()));
}

#[test]
fn an_option_that_is_offered_no_more_may_stay_but_not_come() {
    let mut plan = definition(1, "plan", FieldType::MultiSelect);
    let stored =
        merge(&[plan.clone()], &Map::new(), &object(json!({"plan": ["Pro", "Basic"]})), Occasion::Edit)
            .unwrap();
    let change = DefinitionChange {
        options: Some(vec!["Team".into(), "Basic".into()]),
        ..DefinitionChange::default()
    };
    plan = plan.change(change).unwrap();
    let definitions = [plan];
    let patched = |patch: Value| merge(&definitions, &stored, &object(patch), Occasion::Edit);
    let value = |values: Map<String, Value>| values.values().next().cloned().unwrap();
    assert_eq!(value(patched(json!({})).unwrap()), json!(["Basic", "Pro"]), "shown as it is");
    assert_eq!(value(patched(json!({"plan": ["Basic", "Pro"]})).unwrap()), json!(["Basic", "Pro"]));
    assert_eq!(value(patched(json!({"plan": ["Pro", "Team"]})).unwrap()), json!(["Team", "Pro"]));
    let dropped = patched(json!({"plan": ["Team"]})).unwrap();
    let anew = merge(&definitions, &dropped, &object(json!({"plan": ["Pro"]})), Occasion::Edit);
    assert_eq!(anew.unwrap_err()[0].fault, Fault::InvalidValue);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let patch = object(json!({"number": "x", "date": "2024-02-30", "nonsense": 1, "a/b": 2, "text": "fine"}));
    let faults = merge(&all(), &Map::new(), &patch, Occasion::Edit).unwrap_err();
    let mut pointers: Vec<_> = faults.iter().map(|one| one.pointer.as_str()).collect();
    pointers.sort_unstable();
    let expected =
        ["/custom_fields/a~1b", "/custom_fields/date", "/custom_fields/nonsense", "/custom_fields/number"];
    assert_eq!(pointers, expected);
}

#[test]
fn a_definition_is_judged_whole() {
    let new = |key: &str, label: &str, field_type, options: &[&str]| NewDefinition {
        entity: Entity::Deal,
        key: key.into(),
        label: label.into(),
        field_type,
        options: options.iter().map(|&option| option.to_owned()).collect(),
        required: false,
    };
    let id = CustomFieldId(Uuid::nil());
    let faults = |new: NewDefinition| {
        new.define(id)
            .map_err(|faults| faults.into_iter().map(|one| (one.pointer, one.fault)).collect::<Vec<_>>())
    };
    let made = faults(new("plan_2", " Plan ", FieldType::Select, &[" Pro", "Team"])).unwrap();
    assert_eq!((made.label.as_str(), made.options), ("Plan", vec!["Pro".to_owned(), "Team".to_owned()]));
    let wrong = |pointer: &str, fault| (pointer.to_owned(), fault);
    assert_eq!(
        faults(new("Plan", "a\0", FieldType::Text, &["x"])).unwrap_err(),
        [
            wrong("/key", Fault::InvalidValue),
            wrong("/label", Fault::InvalidCharacter),
            wrong("/options", Fault::InvalidValue)
        ]
    );
    for key in ["", "1a", "_a", "a-b", "a b", "é", "ａ", "a\0", &"a".repeat(64), "constructor.prototype"] {
        assert!(faults(new(key, "l", FieldType::Text, &[])).is_err(), "{key}");
    }
    assert_eq!(
        faults(new("a", "l", FieldType::Select, &[])).unwrap_err(),
        [wrong("/options", Fault::Required)]
    );
    assert_eq!(
        faults(new("a", "l", FieldType::MultiSelect, &["x", "y", " x", "", "a\nb"])).unwrap_err(),
        [
            wrong("/options/2", Fault::InvalidValue),
            wrong("/options/3", Fault::Required),
            wrong("/options/4", Fault::InvalidCharacter)
        ]
    );
    let many: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        faults(new("a", "l", FieldType::Select, &many)).unwrap_err(),
        [wrong("/options", Fault::TooLong)]
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "https?://[a-z.]{1,20}/.{0,10}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(Value::from),
        "[+0-9 ()-]{1,20}".prop_map(Value::from),
        "[a-zA-Z.]{1,9}@[a-zA-Z.-]{1,9}".prop_map(Value::from),
        prop_oneof![Just("Basic"), Just("Pro"), Just("Team")].prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

fn any_patch() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        9 => prop::sample::select(FieldType::ALL.map(FieldType::as_str).to_vec()).prop_map(str::to_owned),
        1 => "[a-z]{1,5}",
    ];
    prop::collection::hash_map(key, any_value(), 0..6).prop_map(|map| map.into_iter().collect())
}

proptest! {
    /// Whatever comes: nothing panics; what was accepted is accepted again as it stands and changes nothing; values of
    /// others are never touched; every fault names a field of the patch.
    #[test]
    fn merging_is_settled_after_once(patches in prop::collection::vec(any_patch(), 1..5)) {
        let definitions = all();
        let foreign = Uuid::from_u128(99).to_string();
        let mut stored = object(json!({ foreign.clone(): "kept" }));
        for patch in patches {
            match merge(&definitions, &stored, &patch, Occasion::Edit) {
                Ok(merged) => {
                    let shown: Map<String, Value> = definitions
                        .iter()
                        .map(|one| (one.key.clone(), merged.get(&one.id.to_string()).cloned().unwrap_or_default()))
                        .collect();
                    prop_assert_eq!(merge(&definitions, &Map::new(), &shown, Occasion::Edit).map(|mut again| {
                        again.insert(foreign.clone(), "kept".into());
                        again
                    }), Ok(merged.clone()));
                    prop_assert_eq!(merge(&definitions, &merged, &patch, Occasion::Edit), Ok(merged.clone()));
                    prop_assert_eq!(&merged[&foreign], "kept");
                    for (id, value) in &merged {
                        let mentioned = definitions.iter().any(|one| one.id.to_string() == *id && patch.contains_key(&one.key));
                        prop_assert!(mentioned || stored.get(id) == Some(value));
                        prop_assert!(!value.is_null());
                    }
                    stored = merged;
                }
                Err(faults) => {
                    prop_assert!(!faults.is_empty());
                    for one in faults {
                        let key = one.pointer.strip_prefix("/custom_fields/").unwrap();
                        prop_assert!(patch.contains_key(key));
                    }
                }
            }
        }
    }
}
