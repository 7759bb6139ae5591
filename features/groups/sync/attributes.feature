@G6.2
Feature: CKA_ID and CKA_LABEL are kept with each virtual key
  Operators know their keys by these two. They must see them in the service,
  and find a key by them.

  Background:
    Given the HSM holds the AES key "Gehälter" with the id cafe01
    And the HSM holds the AES key "tls" with the id cafe02
    And the HSM group "Payments", synced

  Scenario: A virtual key shows its CKA_ID and CKA_LABEL
    Then the key "Gehälter" has the CKA_ID cafe01 and the CKA_LABEL "Gehälter"

  Scenario: A key is found by its CKA_LABEL
    When the administrator looks for keys with the CKA_LABEL "tls"
    Then the key "tls" is found and no other

  Scenario: A key is found by its CKA_ID
    When the administrator looks for keys with the CKA_ID cafe01
    Then the key "Gehälter" is found and no other
