DROP TABLE ignored_addresses;
DROP TABLE contact_deals;
DROP TABLE deals;
DROP TABLE contact_emails;
DROP TABLE contacts;
DROP TABLE companies;
DROP TABLE custom_field_definitions;
