@P4.2
Feature: A group of its own keys imports none, and keeps what it has
  Several teams share a slot: each sees what it made. Nothing that is managed
  already is let go when a group is narrowed.

  Scenario: A key that somebody else made is left out
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments" of its own keys only
    When the administrator syncs "Payments" and watches
    Then 0 new keys are reported
    And 1 key is left out
    And there is no key "payroll"

  Scenario: A key that the group made is managed
    Given the HSM group "Payments" of its own keys only
    And the application "billing" in "Payments"
    And the application has generated the AES key "own" in "Payments"
    When the administrator syncs "Payments"
    Then 0 new keys are reported
    And the key "own" is not missing

  Scenario: Keys that were imported before stay managed
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments", synced
    And "Payments" now takes in its own keys only
    And the HSM holds the AES key "late"
    When the administrator syncs "Payments" and watches
    Then 1 key is left out
    And the key "payroll" is still a virtual key of "Payments"

  Scenario: Keys that were imported before stay synced
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments", synced
    And "Payments" now takes in its own keys only
    And somebody deletes the key "payroll" in the HSM
    When the administrator syncs "Payments"
    Then the key "payroll" is reported missing

  Scenario: Keys that were imported before come back too
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments", synced
    And "Payments" now takes in its own keys only
    And "Payments" misses the key "payroll", which somebody deleted in the HSM
    And somebody restores the key "payroll" in the HSM
    When the administrator syncs "Payments"
    Then the key "payroll" is no longer missing

  Scenario: Keys that were imported before follow the policy
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments" that applies changes, synced
    And "Payments" now takes in its own keys only
    When the administrator takes the permission to encrypt from "payroll"
    Then the HSM key "payroll" may not encrypt

  Scenario: A group that is opened takes in what it had left out
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments" of its own keys only
    And "Payments" has been synced again
    And "Payments" now takes in all keys
    When the administrator syncs "Payments"
    Then 1 new key is reported

  Scenario: A key of the group that was deleted here stays deleted
    Given the HSM group "Payments" of its own keys only
    And the application "billing" in "Payments"
    And the application has generated the AES key "own" in "Payments"
    And the administrator has deleted the key "own"
    When the administrator syncs "Payments"
    Then 0 new keys are reported
    And the HSM holds 1 key with the label "own"
