@K4 @K7
Feature: A key protects only while it is active
  Whoever ends the use of a key ends it at once and everywhere. What it
  has protected before stays readable until it is destroyed.

  Background:
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"

  Scenario: A key that is not active yet is not used
    Given the application has generated the AES 256 key "later" in "Vault" that is not active yet
    When the application encrypts something with "later"
    Then it is refused because the key is not active yet

  Scenario: An activated key is used
    Given the application has generated the AES 256 key "later" in "Vault" that is not active yet
    When the administrator activates "later"
    Then the application can encrypt with "later" a moment later

  Scenario: A key becomes active when its date comes
    Given the application has generated the AES 256 key "later" in "Vault" that becomes active in a moment
    When the application encrypts something with "later"
    Then it is refused because the key is not active yet
    And the application can encrypt with "later" a moment later

  Scenario: A key ends when its date comes
    Given the application has generated the AES 256 key "short" in "Vault" that ends in a moment
    When the application encrypts something with "short"
    Then the application decrypts it again
    And the application cannot encrypt with "short" a moment later

  Scenario: A revoked key no longer protects
    Given the application has generated the AES 256 key "old" in "Vault"
    And the administrator has revoked "old" as superseded
    When the application encrypts something with "old"
    Then it is refused because the key is deactivated

  Scenario Outline: A revoked key still reads what it has protected
    Given the application has generated the AES 256 key "old" in "Vault"
    And the application has encrypted something with "old" using CBC
    When the administrator revokes "old" as <reason>
    Then the key "old" is in state <state>
    And the application decrypts it again

    Examples:
      | reason      | state       |
      | superseded  | Deactivated |
      | compromised | Compromised |

  Scenario: A deactivated key is not activated again
    Given the application has generated the AES 256 key "old" in "Vault"
    And the administrator has revoked "old" as superseded
    When the administrator activates "old"
    Then it is refused because the key is deactivated

  Scenario: A disabled key is used again once it is enabled
    Given the application has generated the AES 256 key "paused" in "Vault"
    And the administrator has disabled the key "paused"
    And the administrator has enabled "paused" again
    When the application encrypts something with "paused"
    Then the application decrypts it again

  Scenario: A destroyed key is never used again
    Given the application has generated the AES 256 key "gone" in "Vault"
    When the administrator destroys the key "gone"
    Then the destroyed key "gone" is shown to who asks for such keys

  Scenario: A deleted key leaves a record and its name
    Given the application has generated the AES 256 key "gone" in "Vault"
    When the administrator deletes the key "gone"
    Then the deleted key "gone" is shown to who asks for such keys
