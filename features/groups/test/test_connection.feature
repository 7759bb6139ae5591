@G3.4
Feature: A connection is tested before or after it is saved
  Whoever links an HSM wants to know at once whether it works, and if it does
  not, what to do about it.

  Scenario: A connection that works, before it is saved
    When the administrator tests the connection to the HSM
    Then it is connected

  Scenario: A saved connection is tested with its saved PIN
    Given the HSM group "Payments"
    When the administrator tests the saved connection of "Payments"
    Then it is connected

  Scenario Outline: A connection that does not work says why
    When the administrator tests a connection with <fault>
    Then it is not connected because <reason>

    Examples:
      | fault              | reason                  |
      | nobody listening   | the connection is refused |
      | a wrong slot       | there is no such slot   |
      | a wrong PIN        | the PIN is incorrect    |
      | no PIN             | the PIN is missing      |

  Scenario: A change is tested with the saved PIN before it is saved
    Given the HSM group "Payments" with a wrong slot
    When the administrator tests "Payments" with the right slot
    Then it is connected

  @simulated
  Scenario: A locked PIN is told apart from a wrong one
    Given the PIN of the HSM is locked
    When the administrator tests the connection to the HSM
    Then it is not connected because the PIN is locked

  @simulated
  Scenario: An HSM that is ill is told apart from one that cannot be reached
    Given the HSM reports a failure whenever it is asked
    When the administrator tests the connection to the HSM
    Then it is not connected because the HSM reports a failure

  @simulated
  Scenario: A wrong PIN is not tried again by itself
    Given the HSM group "Payments" with a wrong PIN
    And the HSM has refused the PIN of "Payments"
    When the administrator syncs "Payments" three times
    Then it is not connected because the PIN is incorrect
    And the HSM has seen one login with a wrong PIN

  @simulated
  Scenario: A person may have it tried once more
    Given the HSM group "Payments" with a wrong PIN
    And the HSM has refused the PIN of "Payments"
    When the administrator tests the saved connection of "Payments"
    Then it is not connected because the PIN is incorrect
    And the HSM has seen two logins with a wrong PIN

  Scenario: Only administrators test connections
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    When the application tests the saved connection of "Payments"
    Then it is denied
