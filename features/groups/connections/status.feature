@G5 @G8.1
Feature: The state of each connection is kept fresh
  Whoever looks at a group sees at once which of its connections work, why the
  others do not, and since when. No HSM is asked for that.

  Background:
    Given the HSM group "Payments" with the connections "A" and "B"

  Scenario: Connections that work
    Then the connection "A" of "Payments" is connected
    And the connection "B" of "Payments" is connected

  @G7
  Scenario: One that does not work says why and since when
    Given the connection "B" is cut
    Then the connection "B" of "Payments" is not connected because the connection is refused
    And the connection "A" of "Payments" is connected

  @G7
  Scenario: The list of groups shows it
    Given the connection "B" is cut
    Then the list of groups shows the connection "B" of "Payments" as not connected

  @G8.4
  Scenario: The view of a user shows it
    Given the connections "A" and "B" are cut
    And the user "anna@example.com" in "Payments"
    Then the view of "anna@example.com" shows "Payments" as not connected
