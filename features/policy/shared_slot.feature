@P4.3
Feature: Groups over one slot see and manage keys each by its own settings
  One HSM serves several teams. What one group is set to, and does, is no
  setting of another; only what happens to the HSM key itself is seen by all.

  Background:
    Given the HSM holds the AES key "payroll"

  Scenario: One group sees all keys, the other its own
    Given the HSM group "All", synced
    And the HSM group "Own" of its own keys only
    When the administrator syncs "Own"
    Then 0 new keys are reported
    And "All" has 1 key
    And "Own" has 0 keys

  Scenario: A key that one group makes is a key of the slot to the other
    Given the HSM group "All", synced
    And the HSM group "Own" of its own keys only
    And the application "billing" in "Own"
    And the application has generated the AES key "own" in "Own"
    When the administrator syncs "All"
    Then "All" has the key "own (2)"

  Scenario: Two groups that take in all keys have a virtual key each
    Given the HSM group "First", synced
    And the HSM group "Second"
    When the administrator syncs "Second"
    Then 1 new key is reported
    And "First" has the key "payroll"
    And "Second" has the key "payroll (2)"

  Scenario: A permission is taken in one group alone
    Given the HSM group "First", synced
    And the HSM group "Second"
    And "Second" has been synced again
    When the administrator takes the permission to encrypt from "payroll"
    Then the key "payroll" may not encrypt
    And the key "payroll (2)" may encrypt

  Scenario: A key that one group destroys in the HSM is missing from the other
    Given the HSM group "Applying" that applies changes, synced
    And the HSM group "Watching"
    And "Watching" has been synced again
    And the administrator has deleted the key "payroll"
    When the administrator syncs "Watching"
    Then the key "payroll (2)" is reported missing

  Scenario: A group that does not apply changes leaves the key to the other
    Given the HSM group "Applying" that applies changes, synced
    And the HSM group "Watching"
    And "Watching" has been synced again
    And the administrator has deleted the key "payroll (2)"
    When the administrator syncs "Applying"
    Then the key "payroll" is not missing
