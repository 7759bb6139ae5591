@K8
Feature: Applications make keys of keys
  Derived and agreed keys are those that everybody else makes of the same.

  Scenario: A key is derived as everybody else derives it
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has imported the SECRET key "base" into "Vault"
    When the application derives the AES 256 key "derived" from "base" in "Vault"
    Then "derived" is the key that everybody else derives from "base"

  Scenario: A key is derived into an HSM
    Given the HSM group "Payments"
    And the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application may use "Payments" too
    And the application has imported the SECRET key "base" into "Vault"
    When the application derives the AES 256 key "derived" from "base" in "Payments"
    Then "derived" is the key that everybody else derives from "base"

  Scenario: Both sides agree on a key in an ordinary group
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the EC NistP256 key "ours" in "Vault"
    And the application has generated the EC NistP256 key "theirs" in "Vault"
    When the application agrees on the key "one" with "ours" and the public key of "theirs"
    Then "one" and "other" agreed the other way round are the same

  Scenario: Both sides agree on a key in an HSM
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application has generated the EC NistP256 key "ours" in "Payments"
    And the application has generated the EC NistP256 key "theirs" in "Payments"
    When the application agrees on the key "one" with "ours" and the public key of "theirs"
    Then "one" and "other" agreed the other way round are the same

  Scenario: A key that may not derive does not
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the exportable HMAC 256 key "base" in "Vault"
    When the application derives the AES 256 key "derived" from "base" in "Vault"
    Then it is denied
