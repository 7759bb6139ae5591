@G6.3
Feature: Awkward inventories end in a defined result
  Real slots hold what years of tools and people have left there. None of it
  stops a sync, and no two keys are ever merged into one.

  Background:
    Given the HSM group "Payments"

  Scenario: Two keys with one CKA_ID stay two keys
    Given the HSM holds the RSA pair "old" with the id 01
    And the HSM holds the RSA pair "new" with the id 01
    When the administrator syncs "Payments"
    Then 2 new keys are reported
    And the keys of "Payments" and of the HSM agree one by one

  Scenario: Two keys with one label stay two keys with two names
    Given the HSM holds the AES key "twin" with the id 01
    And the HSM holds the AES key "twin" with the id 02
    When the administrator syncs "Payments"
    Then 2 new keys are reported
    And "Payments" has the keys "twin" and "twin (2)"

  Scenario: Twins with one id and one label are told apart by their public key
    Given the HSM holds the RSA pair "twin" with the id 01
    And the HSM holds another RSA pair "twin" with the id 01
    When the administrator syncs "Payments"
    Then 2 new keys are reported
    And the two keys "twin" have different public keys

  Scenario: A key without a label gets a name of its own
    Given the HSM holds an AES key without a label and with the id beef
    When the administrator syncs "Payments"
    Then 1 new key is reported
    And "Payments" has the key "id-beef"

  Scenario: A key without label and id is taken in too
    Given the HSM holds an AES key without a label and without an id
    When the administrator syncs "Payments"
    Then 1 new key is reported

  Scenario: Certificates and data objects are left alone with a warning
    Given the HSM holds a certificate "web"
    And the HSM holds a data object "notes"
    When the administrator syncs "Payments" and watches
    Then 0 new keys are reported
    And there is a warning about "web"
    And there is a warning about "notes"

  @simulated
  Scenario: A key of a type that Gatehouse does not know is left alone with a warning
    Given the HSM holds a key "exotic" of an unknown type
    And the HSM holds the AES key "payroll"
    When the administrator syncs "Payments" and watches
    Then 1 new key is reported
    And there is a warning about "exotic"

  Scenario: A lone public key is a key that only verifies
    Given the HSM holds the lone public key "partner"
    When the administrator syncs "Payments"
    Then 1 new key is reported
    And the key "partner" is public only

  Scenario: A lone private key is taken in with a warning
    Given the HSM holds the lone private key "orphan"
    When the administrator syncs "Payments" and watches
    Then 1 new key is reported
    And there is a warning about "orphan"

  Scenario: A name that is taken elsewhere does not stop a sync
    Given the ordinary group "Vault"
    And an AES key "payroll" in "Vault"
    And the HSM holds the AES key "payroll"
    When the administrator syncs "Payments"
    Then 1 new key is reported
    And "Payments" has the key "payroll (2)"
