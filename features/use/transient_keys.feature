@K8 @K7
Feature: Applications use keys that are stored nowhere
  A transient key is its maker's: the service keeps nothing of it.

  Background:
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"

  Scenario: A transient key is used and stored nowhere
    When the application makes a transient AES key
    Then the transient key encrypts
    And the service has no keys

  Scenario: A data key leaves to be encrypted under another
    Given the application has a transient AES key
    And the application has generated the AES 256 key "kek" in "Vault"
    When the application encrypts the value of the transient key with "kek"
    Then the application decrypts it again

  Scenario: Nobody else can use it
    Given the application has a transient AES key
    When another application uses the transient key
    Then it is refused because there is no such transient key

  Scenario: A transient key is kept
    Given the application has a transient AES key
    When the application keeps the transient key as "kept" in "Vault"
    Then the transient key is the same as "kept"

  Scenario: A wrapped key is used without being stored
    Given the application may export from "Vault"
    And the application has generated the exportable AES 256 key "kek" in "Vault"
    And the application has wrapped "kek" with "kek" using KWP
    When the application unwraps it as a transient key
    Then the transient key is the same as "kek"
