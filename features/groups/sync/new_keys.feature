@G6.1
Feature: A sync makes virtual keys of all keys in the slot
  An estate that has grown over years becomes visible in one place, without
  anything being moved or changed.

  Scenario: All keys become virtual keys and the answer tells how many
    Given the HSM holds 12 keys made by somebody else
    And the HSM group "Payments"
    When the administrator syncs "Payments"
    Then 12 new keys are reported
    And the keys of "Payments" and of the HSM agree one by one

  Scenario: Repeating a sync adds nothing
    Given the HSM holds 12 keys made by somebody else
    And the HSM group "Payments", synced
    When the administrator syncs "Payments"
    Then 0 new keys are reported

  Scenario: A key made in between is added
    Given the HSM group "Payments", synced
    And the HSM holds the AES key "fresh"
    When the administrator syncs "Payments"
    Then 1 new key is reported

  Scenario: A key that vanished is marked missing, not dropped
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments", synced
    And somebody deletes the key "payroll" in the HSM
    When the administrator syncs "Payments"
    Then the key "payroll" is reported missing
    And the key "payroll" is still a virtual key of "Payments"

  Scenario: A key that comes back is itself again
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments", synced
    And "Payments" misses the key "tls", which somebody deleted in the HSM
    And somebody restores the key "tls" in the HSM
    When the administrator syncs "Payments"
    Then 0 new keys are reported
    And the key "tls" is no longer missing

  Scenario: Progress is told while a sync runs
    Given the HSM holds 250 keys made by somebody else
    And the HSM group "Payments"
    When the administrator syncs "Payments" and watches
    Then progress was told before the end
    And 250 new keys are reported

  Scenario: A key that the service makes is not taken for somebody else's
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application has generated the AES key "own" in "Payments"
    When the administrator syncs "Payments"
    Then 0 new keys are reported
