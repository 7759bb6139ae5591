@G6.1
Feature: A sync can run in the background, and by itself
  Ten thousand keys take a while. Nobody has to wait for them, and how each
  sync ended is there to be read.

  Background:
    Given the HSM holds 12 keys made by somebody else
    And the HSM group "Payments"

  Scenario: Nobody waits for a sync in the background
    When the administrator has "Payments" synced in the background
    Then the sync of "Payments" ends well
    And the keys of "Payments" and of the HSM agree one by one
    And the history of "Payments" shows 1 sync

  Scenario: The last five are kept
    Given "Payments" has been synced in the background 6 times
    When the administrator has "Payments" synced in the background
    Then the sync of "Payments" ends well
    And the history of "Payments" shows 5 syncs

  Scenario: Warnings are kept
    Given the HSM holds a certificate "web"
    When the administrator has "Payments" synced in the background
    Then the sync of "Payments" ends well
    And the history of "Payments" shows a warning about "web"

  Scenario: Two administrators at once bring each key in once
    When two administrators sync "Payments" at once
    Then 12 new keys are reported
    And the keys of "Payments" and of the HSM agree one by one

  Scenario: A group can be synced by itself
    When the administrator has "Payments" synced every 24 hours
    Then "Payments" is synced by itself every 24 hours

  Scenario: And no longer
    Given "Payments" is synced every 24 hours
    When the administrator has "Payments" no longer synced by itself
    Then "Payments" is not synced by itself
